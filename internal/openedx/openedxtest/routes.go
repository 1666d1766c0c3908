package openedxtest

import (
	"net/http"
	"regexp"
)

// What the platform's URL patterns let a username and a course key look like. A key that passes here need not be one.
const (
	usernameInURL = `(?P<username>[\pL\pN_ .@+-]+)`
	courseInURL   = `(?P<course>[^/+]+(?:/|\+)[^/+]+(?:/|\+)[^/?]+)`
)

// route ties a URL pattern to what answers it: a view of the REST framework, or else a plain handler.
type route struct {
	name    string
	pattern *regexp.Regexp
	view    *view
	plain   handler
}

// routes are the platform's URLs. They are regular expressions, as there: whether a slash may or must end an address,
// and that a course key may itself have slashes, is part of the contract. The first that matches counts.
func routes(bulk, eox, eoxUpdates bool) []route {
	list := []route{
		{name: "/", pattern: at(`/`), plain: frontPage},
		{name: "/oauth2/access_token", pattern: at(`/oauth2/access_token/?`), plain: tokenLimit(accessToken)},
		{name: "/auth/jwks.json", pattern: at(`/auth/jwks\.json`), plain: keySet},
		{name: "/api/user/v2/account/login_session/", pattern: at(`/(?:user_api|api/user)/v2/account/login_session/`), plain: logIn},
		{name: "/login_refresh", pattern: at(`/login_refresh`), plain: refreshLogin},
		{name: "/logout", pattern: at(`/logout`), plain: logOut},
		{name: "/csrf/api/v1/token", pattern: at(`/csrf/api/v1/token`), view: &view{
			schemes: jwtOnly, public: true, methods: get(csrfToken),
		}},
		{name: "/api/user/{version}/account/registration/", pattern: at(`/(?:user_api|api/user)/v[12]/account/registration/`), view: &view{
			public: true, methods: map[string]handler{"GET": registrationForm, "POST": register},
		}},
		{name: "/api/user/v1/me", pattern: at(`/api/user/v1/me`), view: accountView("", get(me))},
		{name: "/api/user/v1/accounts", pattern: at(`/api/user/v1/accounts`), view: accountView("", get(listAccounts))},
		// The platform's view answers GET here too, with what "me" answers, and does not own up to HEAD.
		{name: "/api/user/v1/accounts/search_emails", pattern: at(`/api/user/v1/accounts/search_emails`),
			view: accountView("GET, POST, OPTIONS", map[string]handler{"GET": me, "POST": searchEmails})},
		{name: "/api/user/v1/accounts/{username}", pattern: at(`/api/user/v1/accounts/` + usernameInURL),
			view: accountView("", map[string]handler{"GET": readAccount, "PATCH": changeAccount})},
		{name: "/api/user/v1/accounts/{username}/deactivate/", pattern: at(`/api/user/v1/accounts/` + usernameInURL + `/deactivate/`),
			view: &view{schemes: jwtOnly, require: nobodyMay, allow: "POST, OPTIONS"}},

		{name: "/api/enrollment/v1/enrollment/{username},{course}", pattern: at(`/api/enrollment/v1/enrollment/` + usernameInURL + `,` + courseInURL),
			view: enrollmentView(get(readEnrollment))},
		{name: "/api/enrollment/v1/enrollment/{course}", pattern: at(`/api/enrollment/v1/enrollment/` + courseInURL),
			view: enrollmentView(get(readEnrollment))},
		{name: "/api/enrollment/v1/enrollment", pattern: at(`/api/enrollment/v1/enrollment`),
			view: enrollmentView(map[string]handler{"GET": listOfUser, "POST": postEnrollment})},
		{name: "/api/enrollment/v1/enrollments", pattern: at(`/api/enrollment/v1/enrollments/?`), view: &view{
			schemes: jwtOrBearer, require: isStaff, throttle: enrollmentRate, developerErrors: true, methods: get(listEnrollments),
		}},
		{name: "/api/enrollment/v1/course/{course}", pattern: at(`/api/enrollment/v1/course/` + courseInURL), view: &view{
			public: true, throttle: enrollmentRate, methods: get(readCourseDetails),
		}},
		{name: "/api/enrollment/v1/roles/", pattern: at(`/api/enrollment/v1/roles/`), view: enrollmentView(get(readRoles))},
		{name: "/api/enrollment/v1/enrollment_allowed/", pattern: at(`/api/enrollment/v1/enrollment_allowed/`), view: &view{
			schemes: jwtOnly, require: isStaff, throttle: enrollmentRate,
			methods: map[string]handler{"GET": listAllowed, "POST": allow, "DELETE": disallow},
		}},

		{name: "/api/courses/v1/courses/", pattern: at(`/api/courses/v1/courses/`), view: &view{
			schemes: jwtOrBearer, public: true, throttle: courseListRate, developerErrors: true,
			methods: map[string]handler{"GET": listCourses, "POST": listCourses},
		}},
		{name: "/api/courses/v1/courses/{course}", pattern: at(`/api/courses/v1/courses/` + courseInURL + `/?`), view: &view{
			schemes: jwtOrBearer, public: true, developerErrors: true, methods: get(readCourse),
		}},
		{name: "/api/course_modes/v1/courses/{course}/", pattern: at(`/api/course_modes/v1/courses/` + courseInURL + `/`), view: &view{
			schemes: jwtOrBearer, require: isStaff, methods: get(listCourseModes), allow: "GET, POST, HEAD, OPTIONS",
		}},
		{name: "/api/grades/v1/courses/{course}/", pattern: at(`/api/grades/v1/courses/` + courseInURL + `/`), view: &view{
			schemes: jwtOrBearer, require: mayReadGrades, developerErrors: true, methods: get(readGrades),
		}},
		{name: "/api/course_home/progress/{course}/{id}", pattern: at(`/api/course_home/(v1/)?progress/` + courseInURL + `/(?P<id>[^/]+)`), view: &view{
			schemes: jwtOrBearer, methods: get(readProgress),
		}},
		{name: "/api/third_party_auth/v0/providers/{provider}/users", pattern: at(`/api/third_party_auth/v0/providers/(?P<provider>[\w.+-]+)/users`), view: &view{
			schemes: jwtOrBearer, require: isStaff, methods: get(listLinks),
		}},
		{name: "/api/certificates/v0/certificates/{username}/courses/{course}/",
			pattern: at(`/api/certificates/v0/certificates/` + usernameInURL + `/courses/` + courseInURL + `/`), view: &view{
				schemes: jwtOrBearer, require: mayReadCertificates, methods: get(readCertificate),
			}},
		{name: "/api/certificates/v0/certificates/{username}/", pattern: at(`/api/certificates/v0/certificates/` + usernameInURL + `/`), view: &view{
			schemes: jwtOrBearer, require: mayReadCertificates, methods: get(listCertificates),
		}},
	}
	if bulk {
		list = append(list, route{name: "/api/bulk_enroll/v1/bulk_enroll", pattern: at(`/api/bulk_enroll/v1/bulk_enroll`), view: &view{
			schemes: jwtOrBearer, require: isStaff, throttle: enrollmentRate, methods: map[string]handler{"POST": bulkEnroll},
		}})
	}
	if eox {
		list = append(list,
			route{name: "/eox-core/eox-info", pattern: at(`/eox-core/eox-info`), plain: eoxInfo},
			route{name: "/eox-core/api/v1/userinfo/", pattern: at(`/eox-core/api/v1/userinfo/`), view: eoxView(get(eoxUserInfo))},
			route{name: "/eox-core/api/v1/user/", pattern: at(`/eox-core/api/v1/user/`),
				view: eoxView(map[string]handler{"GET": readEoxUser, "POST": createEoxUser})},
			route{name: "/eox-core/api/v1/enrollment/", pattern: at(`/eox-core/api/v1/enrollment/`), view: eoxView(map[string]handler{
				"GET": readEoxEnrollment, "POST": postEoxEnrollment, "PUT": putEoxEnrollment, "DELETE": deleteEoxEnrollment,
			})},
		)
	}
	if eox && eoxUpdates {
		list = append(list,
			route{name: "/eox-core/api/v1/update-user/", pattern: at(`/eox-core/api/v1/update-user/`),
				view: eoxView(map[string]handler{"PATCH": updateEoxUser})},
			route{name: "/eox-core/support-api/v1/user/replace-email/", pattern: at(`/eox-core/support-api/v1/user/replace-email/`),
				view: eoxView(map[string]handler{"PATCH": replaceEoxEmail})},
		)
	}
	return list
}

func at(pattern string) *regexp.Regexp { return regexp.MustCompile("^" + pattern + "$") }

func get(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }

func accountView(allow string, methods map[string]handler) *view {
	return &view{
		schemes: jwtOrBearer, require: mayLookUpAccounts, parses: []string{mediaJSON, mediaMergePatch}, methods: methods, allow: allow,
	}
}

func enrollmentView(methods map[string]handler) *view {
	return &view{schemes: jwtOrBearer, throttle: enrollmentRate, methods: methods}
}

func eoxView(methods map[string]handler) *view {
	return &view{schemes: bearerOrJWT, require: isStaff, methods: methods}
}

// csrfToken is GET /csrf/api/v1/token.
func csrfToken(*call) answer {
	token := randomHex() + randomHex()
	return ok(object{"csrfToken": token}).with("Set-Cookie", "csrftoken="+token+"; Path=/; SameSite=Lax")
}

// frontPage says what this is to who looks at it in a browser.
func frontPage(*call) answer {
	a := page(http.StatusOK)
	a.page = "<!DOCTYPE html><html><head><title>Open edX stand-in</title></head>" +
		"<body><h1>Open edX stand-in</h1><p>Only APIs here. A client takes a token at /oauth2/access_token.</p></body></html>"
	return a
}
