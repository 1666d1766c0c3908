package openedxtest

// DemoCourses are the courses of the demo world, all open for enrollment. config/samples refers to them by these keys.
var DemoCourses = []CourseSpec{
	demoCourse("1234A", "Networking I", "audit", "verified"),
	demoCourse("1235A", "Networking II", "audit"),
	demoCourse("1236A", "Networking III", "audit"),
	demoCourse("2100S", "Network Security Fundamentals", "audit", "verified"),
	demoCourse("2101S", "Firewalls and VPNs", "audit"),
	demoCourse("2102S", "Incident Response", "audit"),
	demoCourse("3001C", "Cloud Essentials", "audit", "verified"),
	demoCourse("3002C", "Cloud Networking", "audit"),
	demoCourse("3003C", "Cloud Security", "audit"),
	demoCourse("4500P", "Project Management Foundations", "audit"),
	demoCourse("4501P", "Agile Practice", "audit"),
	demoCourse("4502P", "Leading Technical Teams", "audit"),
}

// DemoWorld is a small world to show Rollcall with: the client rollcall / rollcall-secret, whose service user is staff,
// DemoCourses, and a few learners who had accounts before Rollcall came.
func DemoWorld() World {
	return World{
		Applications: []Application{
			{ClientID: "rollcall", ClientSecret: "rollcall-secret", Grant: "client-credentials", User: "rollcall_svc"},
		},
		Users: []UserSpec{
			{Username: "rollcall_svc", Email: "rollcall_svc@example.com", Name: "Rollcall Service", Active: true, Staff: true},
			{Username: "mlopez", Email: "maria.lopez@acme.com", Name: "Maria Lopez", Active: true, EnrolledIn: []string{demoKey("1234A")}},
			{Username: "jchen", Email: "James.Chen@acme.com", Name: "James Chen", Active: true},
			{Username: "tokafor", Email: "t.okafor@globex.example", Name: "Tobi Okafor", Active: false},
			{Username: "sberg", Email: "s.berg@globex.example", Name: "Signe Berg", Active: true, SecondaryEmail: "signe@home.example"},
		},
		RetiredUsers: []RetiredUser{{Username: "pgone", Email: "p.gone@acme.com"}},
		Courses:      DemoCourses,
		Settings: Settings{
			SkipEmailValidation:   true,
			RegistrationRateLimit: "10000/d",
			EnableBulkEnrollment:  true,
		},
	}
}

func demoCourse(code, name string, modes ...string) CourseSpec {
	course := CourseSpec{ID: demoKey(code), Name: name}
	for _, slug := range modes {
		course.Modes = append(course.Modes, ModeSpec{Slug: slug})
	}
	return course
}

func demoKey(code string) string { return "course-v1:GK+" + code + "+2017" }
