package openedx_test

import (
	"net/http"
	"testing"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

func TestEoxCoreChangesTheAccountsThatItSees(t *testing.T) {
	standIn := start(t)
	client := newClient(t, eoxCore(configFor(standIn)))
	if err := client.SetName(t.Context(), "jchen", "James T. Chen"); err != nil {
		t.Error(err)
	}
	if err := client.SetEmail(t.Context(), "jchen", "J.Chen@acme.com"); err != nil {
		t.Error(err)
	}
	found, err := client.LookUpLearner(t.Context(), "JCHEN")
	if err != nil || found == nil || found.Name != "James T. Chen" || found.Email != "j.chen@acme.com" || !found.Active {
		t.Errorf("found %+v, %v", found, err)
	}
	if err := client.Deactivate(t.Context(), "jchen"); err != nil {
		t.Error(err)
	}
	if account, _ := standIn.Account("jchen"); account.Active {
		t.Error("the account is active")
	}
	if found, err := client.LookUpLearner(t.Context(), "nobody"); found != nil || err != nil {
		t.Errorf("found %+v, %v", found, err)
	}
}

// Every way in which an account cannot be changed is one that an administrator can do something about.
func TestAccountsThatCannotBeChanged(t *testing.T) {
	for name, test := range map[string]struct {
		options  []openedxtest.Option
		client   func(*openedxtest.Server) lms.Platform
		username string
	}{
		"Stock": {nil, func(standIn *openedxtest.Server) lms.Platform { return newClient(t, stock(configFor(standIn))) }, "jchen"},
		"NotSeen": {nil, func(standIn *openedxtest.Server) lms.Platform {
			standIn.LogInFirst("elsewhere", "elsewhere@acme.com", "Elsie Where")
			return newClient(t, eoxCore(configFor(standIn)))
		}, "elsewhere"},
		"SwitchedOff": {[]openedxtest.Option{openedxtest.WithoutEoxUpdates()}, func(standIn *openedxtest.Server) lms.Platform {
			return newClient(t, eoxCore(configFor(standIn)))
		}, "jchen"},
		"Staff": {nil, func(standIn *openedxtest.Server) lms.Platform {
			standIn.SetStaff("jchen", true)
			return newClient(t, eoxCore(configFor(standIn)))
		}, "jchen"},
	} {
		t.Run(name, func(t *testing.T) {
			standIn := start(t, test.options...)
			client := test.client(standIn)
			before, _ := standIn.Account(test.username)
			mustFail(t, client.SetName(t.Context(), test.username, "Other"), lms.Conflict, v1alpha1.ReasonAccountReadOnly)
			mustFail(t, client.SetEmail(t.Context(), test.username, "other@acme.com"), lms.Conflict, v1alpha1.ReasonAccountReadOnly)
			mustFail(t, client.Deactivate(t.Context(), test.username), lms.Conflict, v1alpha1.ReasonAccountReadOnly)
			if after, _ := standIn.Account(test.username); after != before {
				t.Errorf("it was %+v and is %+v", before, after)
			}
		})
	}
}

func TestATakenAddressIsNotGivenToAnAccount(t *testing.T) {
	client := newClient(t, eoxCore(configFor(start(t))))
	for _, taken := range []string{"Maria.Lopez@acme.com", "signe@home.example"} {
		mustFail(t, client.SetEmail(t.Context(), "jchen", taken), lms.Conflict, v1alpha1.ReasonEmailInUse)
	}
	mustFail(t, client.SetEmail(t.Context(), "jchen", "p.gone@acme.com"), lms.Fatal, v1alpha1.ReasonAccountRetired)
}

// Whose address it is tells nothing of why the account cannot be changed.
func TestAnAccountThatCannotBeChangedIsSaidToBeSoWhosesoeverTheAddressIs(t *testing.T) {
	standIn := start(t)
	standIn.LogInFirst("elsewhere", "elsewhere@acme.com", "Elsie Where") // whom eox-core does not see
	client := newClient(t, eoxCore(configFor(standIn)))
	mustFail(t, client.SetEmail(t.Context(), "elsewhere", "p.gone@acme.com"), lms.Conflict, v1alpha1.ReasonAccountReadOnly)
	if got := callsTo(standIn, http.MethodGet, pathAccounts); got > 0 {
		t.Errorf("%d accounts were looked up", got)
	}
}

func TestAChangeOfAnAccountThatIsAcceptedAndNotDoneIsAFailure(t *testing.T) {
	unchanged := `{"username": "ada", "name": "Ada", "email": "ada@acme.com", "is_active": true}`
	client := scripted{"PATCH /eox-core/api/v1/update-user/": {unchanged}, "PATCH /eox-core/support-api/v1/user/replace-email/": {unchanged}}.client(t, eoxCore)
	mustFail(t, client.SetName(t.Context(), "ada", "Ada King"), lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
	mustFail(t, client.SetEmail(t.Context(), "ada", "king@acme.com"), lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
	mustFail(t, client.Deactivate(t.Context(), "ada"), lms.Transient, v1alpha1.ReasonUnexpectedAnswer)
}
