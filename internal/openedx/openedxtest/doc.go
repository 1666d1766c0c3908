// Package openedxtest is a stand-in for an Open edX LMS: its accounts, enrollments, courses and tokens over real HTTP.
//
// It keeps state and follows the platform's rules, down to the order of its checks and the words of its refusals.
// What it is measured by are answers recorded from a running LMS, which its tests replay from testdata.
//
//	lms := openedxtest.Start(t, openedxtest.DemoWorld(), openedxtest.WithThrottle(0))
//	lms.Fail(openedxtest.Match{Method: "POST"}, openedxtest.Fault{Status: 503, Times: 2})
//	… // what is tested calls lms.URL
//	if lms.Writes() != 1 { … }
//
// The files follow a call: routes.go finds the view, view.go asks who calls and whether they may, one file for each API
// answers, state.go and enroll.go hold what all of them share. faults.go, meddle.go and journal.go are for tests.
package openedxtest
