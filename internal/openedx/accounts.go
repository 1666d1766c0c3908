package openedx

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"

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
// It asks the stock API on every route: eox-core sees only the accounts that it counts to its site.
func (c *Client) FindLearner(ctx context.Context, email string) (*lms.Learner, error) {
	accounts, err := c.accounts(ctx, callAccountByEmail, url.Values{"email": {strings.ToLower(email)}})
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, found := range accounts {
		// The database may take letters with and without accents for the same; that is another person's account.
		if strings.EqualFold(found.Email, email) {
			return new(found.port()), nil
		}
	}
	return nil, nil
}

// LookUpLearner gives the account that has the username; see lms.Platform.
func (c *Client) LookUpLearner(ctx context.Context, username string) (*lms.Learner, error) {
	accounts, err := c.accounts(ctx, callAccountByUsername, url.Values{"username": {username}})
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, found := range accounts {
		if strings.EqualFold(found.Username, username) {
			return new(found.port()), nil
		}
	}
	return nil, nil
}

func (c *Client) accounts(ctx context.Context, name call, query url.Values) (accounts []account, err error) {
	err = c.do(ctx, request{call: name, method: http.MethodGet, path: "/api/user/v1/accounts", query: query}, &accounts)
	return accounts, err
}

// CreateLearner makes an account by the route in use; see lms.Platform.
func (c *Client) CreateLearner(ctx context.Context, learner lms.NewLearner) (lms.Learner, error) {
	routes, err := c.routes(ctx)
	if err != nil {
		return lms.Learner{}, err
	}
	create := c.register
	switch routes.account {
	case v1alpha1.AccountRouteFirstLogin:
		return lms.Learner{}, &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonAwaitingFirstLogin, Message: awaitingFirstLogin}
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
