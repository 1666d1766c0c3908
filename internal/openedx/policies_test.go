package openedx_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestWhoeverMayGoPastWindowOrCapacityIsEnrolled(t *testing.T) {
	const special = "course-v1:GK+SPECIAL+2017"
	closed, future, full := openedxtest.CourseSpec{EnrollmentEndDays: new(-1)}, openedxtest.CourseSpec{EnrollmentStartDays: new(1)}, openedxtest.CourseSpec{MaxEnrollments: new(int)}
	both := openedxtest.CourseSpec{EnrollmentEndDays: new(-1), MaxEnrollments: new(int)}
	type policy struct{ pastWindow, pastCapacity bool }
	nothing, window, capacity, all := policy{}, policy{pastWindow: true}, policy{pastCapacity: true}, policy{true, true}
	for name, route := range map[string]struct {
		of func(openedx.Config) openedx.Config
		// admits says for which policies who is let in to a course that is so.
		admits map[string][]policy
	}{
		"Single":  {stock, map[string][]policy{"closed": {window, all}, "future": {window, all}, "full": {}, "both": {}}},
		"EoxCore": {eoxCore, map[string][]policy{"closed": {window, all}, "future": {window, all}, "full": {capacity, all}, "both": {all}}},
		"Bulk":    {bulk, map[string][]policy{"closed": {all}, "future": {all}, "full": {capacity, all}, "both": {all}}},
	} {
		for what, course := range map[string]openedxtest.CourseSpec{"closed": closed, "future": future, "full": full, "both": both} {
			for _, p := range []policy{nothing, window, capacity, all} {
				if name == "Bulk" && !p.pastCapacity {
					continue // which it cannot be configured to
				}
				t.Run(fmt.Sprintf("%s into a course that is %s with %+v", name, what, p), func(t *testing.T) {
					standIn := start(t)
					course.ID, course.Name, course.Modes = special, "Special", []openedxtest.ModeSpec{{Slug: "audit"}}
					standIn.AddCourse(course)
					config := route.of(configFor(standIn))
					config.EnrollPastWindow, config.EnrollPastCapacity = p.pastWindow, p.pastCapacity
					got, err := newClient(t, config).Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: special, OfferedModes: []string{"audit"}})
					if may := slices.Contains(route.admits[what], p); !may {
						mustFail(t, err, lms.Conflict, v1alpha1.ReasonEnrollmentClosed)
						if _, there := standIn.Enrollment("jchen", special); there {
							t.Error("enrolled all the same")
						}
					} else if err != nil || got != (lms.Enrollment{Mode: "audit", Active: true}) {
						t.Errorf("enrolled as %+v, %v", got, err)
					}
				})
			}
		}
	}
}

// forces counts the calls that are sent with force.
type forces struct{ atomic.Int32 }

func (f *forces) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(text), `"force`) {
			f.Add(1)
		}
	}
	return http.DefaultTransport.RoundTrip(request)
}

// Force would enroll in courses that do not exist, and reset what is there.
func TestForceIsNeverTriedFirst(t *testing.T) {
	const ghost = "course-v1:GK+GHOST+2017"
	for name, route := range map[string]func(openedx.Config) openedx.Config{"Single": stock, "EoxCore": eoxCore, "Bulk": bulk} {
		t.Run(name, func(t *testing.T) {
			standIn := start(t)
			sent := &forces{}
			config := route(configFor(standIn))
			config.EnrollPastWindow, config.EnrollPastCapacity, config.Transport = true, true, sent
			client := newClient(t, config)
			mustEnroll(t, client, lms.EnrollmentRequest{Username: "jchen", CourseKey: openCourse})
			mustEnroll(t, client, lms.EnrollmentRequest{Username: "mlopez", CourseKey: openCourse, Mode: "audit"})
			_, err := client.Enroll(t.Context(), lms.EnrollmentRequest{Username: "jchen", CourseKey: ghost, OfferedModes: []string{"audit"}})
			mustFail(t, err, lms.Conflict, v1alpha1.ReasonCourseNotFound)
			if _, there := standIn.Enrollment("jchen", ghost); there || sent.Load() > 0 {
				t.Errorf("sent %d calls with force; enrolled in a course that does not exist: %t", sent.Load(), there)
			}
		})
	}
}
