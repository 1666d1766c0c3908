package openedx_test

import (
	"fmt"
	"slices"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const provider = "oa2-keycloak"

// A first single sign-on finds the account by its e-mail address, if that is active and has a password that can be used.
func TestTheFirstSingleSignOnLinksAnAccountThatRollcallMade(t *testing.T) {
	for name, test := range map[string]struct {
		route  func(openedx.Config) openedx.Config
		skips  bool // the validation of addresses
		active bool
	}{
		"eox-core": {eoxCore, false, true},
		"registration on an LMS that skips the validation of addresses": {stock, true, true},
		"registration on one that does not":                             {stock, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			world := openedxtest.DemoWorld()
			world.Settings.SkipEmailValidation = test.skips
			standIn := openedxtest.Start(t, world)
			standIn.EnableSSO(provider)
			learner := newLearner()
			learner.Email = "New.Learner@Example.com"
			created, err := newClient(t, test.route(configFor(standIn))).CreateLearner(t.Context(), learner)
			if err != nil || created.Active != test.active {
				t.Fatalf("made %+v, %v", created, err)
			}
			if !test.active {
				if _, err := standIn.SignOn(provider, "uid-1", learner.Email); err == nil {
					t.Error("an inactive account was linked")
				}
				standIn.SetActive(created.Username, true)
			}
			wantSignOn(t, standIn, created.Username)
		})
	}
}

func wantSignOn(t *testing.T, standIn *openedxtest.Server, username string) {
	t.Helper()
	account, _ := standIn.Account(username)
	if account.Email != "new.learner@example.com" {
		t.Errorf("the address was sent as %s", account.Email)
	}
	if got, err := standIn.SignOn(provider, "uid-1", "NEW.learner@example.com"); err != nil || got != username {
		t.Fatalf("signed on as %q, %v", got, err)
	}
	// From then on the id at the provider says who it is.
	if got, err := standIn.SignOn(provider, "uid-1", "other@example.com"); err != nil || got != username {
		t.Errorf("signed on again as %q, %v", got, err)
	}
	standIn.DropPassword(username)
	if _, err := standIn.SignOn(provider, "uid-1", "new.learner@example.com"); err == nil {
		t.Error("somebody signed on to an account that is disabled")
	}
}

func TestWhoIsLinkedIsAskedForManyAtOnce(t *testing.T) {
	world := openedxtest.DemoWorld()
	for i := 1; i <= lms.MaxLinkPage+1; i++ {
		username := fmt.Sprintf("sso%03d", i)
		world.Users = append(world.Users, openedxtest.UserSpec{Username: username, Email: username + "@example.com", Active: true, Password: "secret"})
	}
	standIn := openedxtest.Start(t, world)
	standIn.EnableSSO(provider)
	standIn.EnableSSO("oa2-other")
	var usernames, want []string
	for i := 1; i <= lms.MaxLinkPage; i++ {
		username := fmt.Sprintf("sso%03d", i)
		usernames = append(usernames, username)
		switch {
		case i%2 == 0:
			for n := range 5 {
				signOn(t, standIn, provider, fmt.Sprint(n, username), username)
			}
			want = append(want, username)
		case i == 1:
			signOn(t, standIn, "oa2-other", "a", username)
		}
	}
	signOn(t, standIn, provider, "stranger", fmt.Sprintf("sso%03d", lms.MaxLinkPage+1))
	client := newClient(t, stock(configFor(standIn)))
	got, err := client.LinkedLearners(t.Context(), provider, usernames)
	slices.Sort(got)
	if got = slices.Compact(got); err != nil || !slices.Equal(got, want) {
		t.Errorf("linked are %v, %v; want %v", got, err, want)
	}
	if calls := callsTo(standIn, "GET", "/api/third_party_auth/v0/providers/"+provider+"/users"); calls != 2 {
		t.Errorf("%d calls for 125 links", calls)
	}
	if got, err := client.LinkedLearners(t.Context(), provider, nil); got != nil || err != nil {
		t.Errorf("of nobody linked are %v, %v", got, err)
	}
	_, err = client.LinkedLearners(t.Context(), "oa2-nope", usernames)
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonProviderNotFound)
	_, err = newClient(t, stock(configFor(start(t)))).LinkedLearners(t.Context(), provider, usernames) // without third-party sign-on
	mustFail(t, err, lms.Conflict, v1alpha1.ReasonProviderNotFound)
}

func signOn(t *testing.T, standIn *openedxtest.Server, provider, uid, username string) {
	t.Helper()
	account, _ := standIn.Account(username)
	if _, err := standIn.SignOn(provider, uid, account.Email); err != nil {
		t.Fatal(err)
	}
}

func TestLinksWithoutEndAreGivenUp(t *testing.T) {
	list := "GET /api/third_party_auth/v0/providers/" + provider + "/users"
	client := scripted{list: {`{"next": "https://lms.example.com/?page=2", "results": [{"username": "ada"}]}`}}.client(t, stock)
	_, err := client.LinkedLearners(t.Context(), provider, []string{"ada"})
	mustFail(t, err, lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
}
