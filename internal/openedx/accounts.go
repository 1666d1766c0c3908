package openedx

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// account is an account as the stock accounts API shows it to staff.
type account struct {
	Username string `json:"username"`
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	IsActive bool   `json:"is_active"`
}

func (a account) port() lms.Learner {
	return lms.Learner{Username: a.Username, ID: a.ID, Name: a.Name, Email: a.Email, Active: a.IsActive}
}

// FindLearner gives the account that has the e-mail address; see lms.Platform.
//
// It asks the stock API on every route: eox-core sees only the accounts that it counts to its site. A search for addresses
// shows who has one, and no more, so that the account is looked up by its username.
func (c *Client) FindLearner(ctx context.Context, email string) (*lms.Learner, error) {
	if c.hasJustLookedFor(email) {
		return nil, nil
	}
	found, err := c.byEmail.ask(ctx, "", strings.ToLower(email))
	if err != nil || found == nil {
		return nil, err
	}
	learner, err := c.LookUpLearner(ctx, found.Username)
	if err == nil && (learner == nil || !strings.EqualFold(learner.Email, email)) {
		err = &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonRetrying, Message: "The account changed while it was looked up."}
	}
	return learner, err
}

// LookUpLearner gives the account that has the username; see lms.Platform.
func (c *Client) LookUpLearner(ctx context.Context, username string) (*lms.Learner, error) {
	found, err := c.byUsername.ask(ctx, "", username)
	if err != nil || found == nil {
		return nil, err
	}
	return new(found.port()), nil
}

// orRetired gives the refusal of an e-mail address, unless the address is a retired account's. Searches do not show those:
// who asks for one address alone is told.
func (c *Client) orRetired(ctx context.Context, email string, refusal error) error {
	var accounts []account
	err := c.do(ctx, request{
		call: callAccountByEmail, method: http.MethodGet, path: pathAccounts, query: url.Values{"email": {strings.ToLower(email)}},
	}, &accounts)
	if err == nil || errors.Is(err, errAbsent) {
		return refusal
	}
	return err
}

// rememberedLookedFor is for how many learners the client remembers that they were looked for.
const rememberedLookedFor = 100_000

// hasJustLookedFor tells, once, that nobody had the address before CreateLearner was sent away: who comes back for the promised
// turn need not look again. An account that others made meanwhile is found when CreateLearner says that the address is taken.
func (c *Client) hasJustLookedFor(email string) bool {
	at, found := c.lookedFor.Get(strings.ToLower(email))
	c.lookedFor.Remove(strings.ToLower(email))
	return found && c.clock.Since(at.(time.Time)) <= maxPromise
}

// CreateLearner makes an account by the route in use; see lms.Platform.
func (c *Client) CreateLearner(ctx context.Context, learner lms.NewLearner) (lms.Learner, error) {
	created, err := c.create(ctx, learner)
	if err != nil && lms.AsError(err).Class == lms.Throttled {
		c.lookedFor.Add(strings.ToLower(learner.Email), c.clock.Now())
	}
	return created, err
}

func (c *Client) create(ctx context.Context, learner lms.NewLearner) (lms.Learner, error) {
	routes, err := c.routes(ctx)
	if err != nil {
		return lms.Learner{}, err
	}
	create := c.register
	switch routes.account {
	case v1alpha1.AccountRouteFirstLogin:
		awaited := &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonAwaitingFirstLogin, Message: awaitingFirstLogin}
		return lms.Learner{}, c.orRetired(ctx, learner.Email, awaited)
	case v1alpha1.AccountRouteEoxCore:
		create = c.createByEoxCore
	}
	for _, username := range usernames(learner) {
		var created lms.Learner
		created, err = create(ctx, newAccount{
			username: username,
			email:    strings.ToLower(learner.Email),
			name:     lms.FullName(learner.FirstName, learner.LastName),
			password: newPassword(),
		})
		if err == nil {
			return c.complete(ctx, created), nil
		}
		if lms.AsError(err).Reason == v1alpha1.ReasonEmailInUse {
			return lms.Learner{}, c.orRetired(ctx, learner.Email, err)
		}
		if !errors.Is(err, errUsernameTaken) {
			return lms.Learner{}, err
		}
	}
	return lms.Learner{}, &lms.Error{
		Class:   lms.Conflict,
		Reason:  v1alpha1.ReasonUsernameUnavailable,
		Message: "Every username that Rollcall derives for the learner is taken on the LMS.",
		Cause:   err,
	}
}

// newAccount is what both routes make an account from.
type newAccount struct {
	username, email, name, password string
}

// register makes an account as a visitor would. The call is anonymous: the LMS ignores who asks.
func (c *Client) register(ctx context.Context, n newAccount) (lms.Learner, error) {
	var answer struct {
		User struct {
			Username string `json:"username"`
			ID       int64  `json:"user_id"`
		} `json:"authenticated_user"`
	}
	err := c.do(ctx, request{
		call: callRegister, method: http.MethodPost, path: "/api/user/v1/account/registration/", anonymous: true,
		form: url.Values{
			"username": {n.username}, "email": {n.email}, "name": {n.name}, "password": {n.password},
			"honor_code": {"true"}, "terms_of_service": {"true"},
		},
	}, &answer)
	if err != nil {
		return lms.Learner{}, err
	}
	return lms.Learner{Username: n.username, ID: answer.User.ID, Name: n.name, Email: n.email}, nil
}

// createByEoxCore makes an account that is active at once.
func (c *Client) createByEoxCore(ctx context.Context, n newAccount) (lms.Learner, error) {
	var answer struct {
		IsActive bool `json:"is_active"`
	}
	err := c.do(ctx, request{
		call: callEoxCreateUser, method: http.MethodPost, path: "/eox-core/api/v1/user/",
		json: map[string]any{
			"username": n.username, "email": n.email, "fullname": n.name, "password": n.password, "activate_user": true,
		},
	}, &answer)
	if err != nil {
		return lms.Learner{}, err
	}
	return lms.Learner{Username: n.username, Name: n.name, Email: n.email, Active: answer.IsActive}, nil
}

// complete asks for what the answer to the creation does not have: the activity after a registration, the id after
// eox-core. The account is there in any case: if this fails, it counts as inactive until somebody looks again.
func (c *Client) complete(ctx context.Context, created lms.Learner) lms.Learner {
	found, err := c.LookUpLearner(ctx, created.Username)
	if err != nil || found == nil {
		return created
	}
	return *found
}

// newPassword gives one that nobody knows. It has to be usable, as the LMS takes an account with an unusable one for
// disabled and does not link it to a single sign-on; and it has to please password rules about kinds of characters.
func newPassword() string { return rand.Text() + "aA1!+" }
