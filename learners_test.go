package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// A document comes in, a learner logs in to the LMS, and sees in its page what came of that.
func TestALearnerSeesWhatWasSoldAndWritesToTheMentor(t *testing.T) {
	const password = "Right-pass-8841"
	document := joe("4711", "1234A")
	world := openedxtest.DemoWorld()
	world.Users = append(world.Users, openedxtest.UserSpec{Username: "joe_s", Email: document.Email, Name: "Joe Smith", Active: true, Password: password})
	lms := openedxtest.Start(t, world, openedxtest.WithThrottle(0))
	c := newCompanyWith(t, lms, &travelClock{}, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.Learners.JWTIssuer = "http://127.0.0.1:18000/oauth2" // of the stand-in, wherever it listens
	}, "1234A")
	c.mustPut(document, 201)
	c.waitForEnrollment("4711", "1234A", v1alpha1.ReasonSynced)
	mentor := mentorOf("1234A", "dana.wells@acme.com")
	mentor.Namespace = c.namespace
	c.create(mentor)

	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Transport: c.http.Transport, Jar: jar}
	send := func(method, address, contentType, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		must(t, err)
		r.Header.Set("Content-Type", contentType)
		for _, cookie := range jar.Cookies(r.URL) {
			if cookie.Name == "csrftoken" {
				r.Header.Set("X-CSRFToken", cookie.Value)
			}
		}
		response, err := browser.Do(r)
		must(t, err)
		defer response.Body.Close()
		var answer bytes.Buffer
		_, err = answer.ReadFrom(response.Body)
		must(t, err)
		return response.StatusCode, answer.String()
	}
	send(http.MethodGet, lms.URL+"/csrf/api/v1/token", "", "")
	form := url.Values{"email_or_username": {"joe_s"}, "password": {password}}.Encode()
	if status, answer := send(http.MethodPost, lms.URL+"/api/user/v2/account/login_session/", "application/x-www-form-urlencoded", form); status != http.StatusOK {
		t.Fatalf("the login = %d %s", status, answer)
	}

	api := "https://" + c.learners + "/gk/api"
	for path, want := range map[string]string{
		"/learner/me/":                         `"contactID":"4711"`,
		"/learner/contacts/4711/courses/":      lms.URL + "/courses/course-v1:GK+1234A+2017/course/",
		"/mentor/contacts/4711/courses/1234A/": `"courseCode":"1234A"`,
		"/learner/assets/rollcall.js":          "rollcall-mentor",
		"/learner/openapi.json":                "Rollcall learner API",
	} {
		c.eventually(path+" says it", func() error {
			if status, answer := send(http.MethodGet, api+path, "", ""); status != http.StatusOK || !strings.Contains(answer, want) {
				return fmt.Errorf("%d %.300s", status, answer)
			}
			return nil
		})
	}
	if status, answer := send(http.MethodPost, api+"/mentor/contacts/4711/courses/1234A/", "application/json", `{"text": "How tight?"}`); status != http.StatusCreated {
		t.Fatalf("POST = %d %s", status, answer)
	}
	var messages v1alpha1.LearnerMessageList
	must(t, c.List(t.Context(), &messages, client.InNamespace(c.namespace)))
	if len(messages.Items) != 1 || messages.Items[0].OwnerReferences[0].UID != c.contact("4711").UID {
		t.Errorf("the messages are %v", messages.Items)
	}
}
