package openedx

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// SetName gives the account another full name; see lms.Platform.
func (c *Client) SetName(ctx context.Context, username, name string) error {
	changed, err := c.updateByEoxCore(ctx, map[string]any{"username": username, "fullname": name})
	if err == nil && changed.Name != name {
		err = notAsAsked()
	}
	return err
}

// Deactivate makes the account inactive; see lms.Platform.
func (c *Client) Deactivate(ctx context.Context, username string) error {
	changed, err := c.updateByEoxCore(ctx, map[string]any{"username": username, "is_active": false})
	if err == nil && changed.IsActive {
		err = notAsAsked()
	}
	return err
}

// SetEmail gives the account another e-mail address; see lms.Platform. The LMS asks nobody to confirm it.
func (c *Client) SetEmail(ctx context.Context, username, email string) error {
	changed, err := c.changeByEoxCore(ctx, request{
		call: callEoxReplaceEmail, method: http.MethodPatch, path: "/eox-core/support-api/v1/user/replace-email/",
		query: url.Values{"username": {username}}, json: map[string]string{"new_email": strings.ToLower(email)},
	})
	switch {
	case err != nil && lms.AsError(err).Reason == v1alpha1.ReasonEmailInUse:
		return c.orRetired(ctx, email, err)
	case err == nil && !strings.EqualFold(changed.Email, email):
		return notAsAsked()
	}
	return err
}

func (c *Client) updateByEoxCore(ctx context.Context, change map[string]any) (account, error) {
	return c.changeByEoxCore(ctx, request{
		call: callEoxUpdateUser, method: http.MethodPatch, path: "/eox-core/api/v1/update-user/", json: change,
	})
}

// changeByEoxCore changes an account and gives it as it is then. The stock API lets nobody change another's account.
func (c *Client) changeByEoxCore(ctx context.Context, r request) (changed account, err error) {
	routes, err := c.routes(ctx)
	if err != nil {
		return account{}, err
	}
	if routes.account != v1alpha1.AccountRouteEoxCore {
		return account{}, &lms.Error{Class: lms.Conflict, Reason: v1alpha1.ReasonAccountReadOnly, Message: readOnlyByRoute}
	}
	err = c.do(ctx, r, &changed)
	return changed, err
}
