package openedx

import (
	"context"
	"errors"
	"net/http"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// unknownVersion stands for the version of a plugin that is there and does not tell.
const unknownVersion = "unknown"

// Probe checks the credentials and finds out what the LMS can do; see lms.Platform. Whatever goes wrong is the platform's.
func (c *Client) Probe(ctx context.Context) (lms.Capabilities, error) {
	found, err := c.probe(asProbe(ctx))
	if err != nil {
		failure := *lms.AsError(err)
		failure.PlatformWide = true
		return lms.Capabilities{}, &failure
	}
	return found, nil
}

func (c *Client) probe(ctx context.Context) (lms.Capabilities, error) {
	var roles struct {
		IsStaff bool `json:"is_staff"`
	}
	if err := c.do(ctx, request{call: callRoles, method: http.MethodGet, path: "/api/enrollment/v1/roles/"}, &roles); err != nil {
		return lms.Capabilities{}, err
	}
	if !roles.IsStaff {
		return lms.Capabilities{}, &lms.Error{Class: lms.Fatal, Reason: v1alpha1.ReasonNotStaff, Message: notStaff, PlatformWide: true}
	}
	var me struct {
		Username string `json:"username"`
	}
	if err := c.do(ctx, request{call: callMe, method: http.MethodGet, path: "/api/user/v1/me"}, &me); err != nil {
		return lms.Capabilities{}, err
	}
	found := lms.Capabilities{ServiceUser: me.Username}
	var missing offer
	var err error
	if c.asked.leaveRoomForEoxCore() {
		if found.EoxCoreVersion, missing.eoxCore, err = c.probeEoxCore(ctx); err != nil {
			return lms.Capabilities{}, err
		}
	}
	if c.asked.leaveRoomForBulk(missing) {
		if missing.bulk, err = c.probeBulk(ctx); err != nil {
			return lms.Capabilities{}, err
		}
		found.BulkEnroll = new(missing.bulk == nil)
	}
	chosen, err := c.asked.choose(missing, c.pastCapacity)
	if err != nil {
		return lms.Capabilities{}, err
	}
	c.chosen.Store(&chosen)
	found.AccountRoute, found.EnrollmentRoute = string(chosen.account), string(chosen.enrollment)
	return found, nil
}

// probeBulk tells why bulk enrollment cannot be used, if it cannot. The API takes no GET: it says so where it is on.
func (c *Client) probeBulk(ctx context.Context) (unusable *lms.Error, err error) {
	err = c.do(ctx, request{call: callBulkInfo, method: http.MethodGet, path: pathBulkEnroll}, nil)
	if errors.Is(err, errAbsent) {
		return lms.AsError(err), nil
	}
	return nil, err
}

// offer says why routes cannot be used, and nil of those that can.
type offer struct{ eoxCore, bulk *lms.Error }

// probeEoxCore gives the version of the plugin, if there is one, and why it cannot be used, if it cannot.
func (c *Client) probeEoxCore(ctx context.Context) (version string, unusable *lms.Error, err error) {
	var info struct {
		Version string `json:"version"`
	}
	err = c.do(ctx, request{call: callEoxInfo, method: http.MethodGet, path: "/eox-core/eox-info", anonymous: true}, &info)
	switch {
	case errors.Is(err, errAbsent):
		return "", lms.AsError(err), nil
	case err != nil && lms.AsError(err).Reason == v1alpha1.ReasonServerError:
		// The view asks git for a commit, and fails where there is no git. The plugin is there.
		info.Version = unknownVersion
	case err != nil:
		return "", nil, err
	case info.Version == "":
		info.Version = unknownVersion
	}
	// Anyone may ask for the version; whether the plugin serves this user only a view with its permission tells.
	var user struct {
		IsStaff bool `json:"is_staff"`
	}
	err = c.do(ctx, request{call: callEoxUserInfo, method: http.MethodGet, path: "/eox-core/api/v1/userinfo/"}, &user)
	if errors.Is(err, errPluginRefuses) {
		return info.Version, lms.AsError(err), nil
	}
	return info.Version, nil, err
}

// leaveRoomForEoxCore is false where both routes are stock ones: then the plugin is of no interest.
func (r routes) leaveRoomForEoxCore() bool {
	return r.account == v1alpha1.AccountRouteAuto || r.account == v1alpha1.AccountRouteEoxCore ||
		r.enrollment == v1alpha1.EnrollmentRouteAuto || r.enrollment == v1alpha1.EnrollmentRouteEoxCore
}

// leaveRoomForBulk is false where something else is asked for, or better.
func (r routes) leaveRoomForBulk(missing offer) bool {
	return r.enrollment == v1alpha1.EnrollmentRouteBulk || r.enrollment == v1alpha1.EnrollmentRouteAuto && missing.eoxCore != nil
}

// choose gives the routes in use: as asked for, or the best that there is and that may be used.
func (r routes) choose(missing offer, pastCapacity bool) (routes, error) {
	switch {
	case missing.eoxCore != nil && (r.account == v1alpha1.AccountRouteEoxCore || r.enrollment == v1alpha1.EnrollmentRouteEoxCore):
		return routes{}, missing.eoxCore
	case missing.bulk != nil && r.enrollment == v1alpha1.EnrollmentRouteBulk:
		return routes{}, missing.bulk
	}
	if r.account == v1alpha1.AccountRouteAuto {
		r.account = v1alpha1.AccountRouteEoxCore
		if missing.eoxCore != nil {
			r.account = v1alpha1.AccountRouteRegistration
		}
	}
	if r.enrollment == v1alpha1.EnrollmentRouteAuto {
		switch {
		case missing.eoxCore == nil:
			r.enrollment = v1alpha1.EnrollmentRouteEoxCore
		case missing.bulk == nil && pastCapacity:
			r.enrollment = v1alpha1.EnrollmentRouteBulk
		default:
			r.enrollment = v1alpha1.EnrollmentRouteSingle
		}
	}
	return r, nil
}

// routes gives the routes in use. Where it is the LMS that decides and no probe was made yet, one is made.
func (c *Client) routes(ctx context.Context) (routes, error) {
	if c.asked.account != v1alpha1.AccountRouteAuto && c.asked.enrollment != v1alpha1.EnrollmentRouteAuto {
		return c.asked, nil
	}
	if chosen := c.chosen.Load(); chosen != nil {
		return *chosen, nil
	}
	if err := c.probing.take(ctx); err != nil {
		return routes{}, err
	}
	defer c.probing.give()
	if chosen := c.chosen.Load(); chosen != nil {
		return *chosen, nil
	}
	if _, err := c.Probe(ctx); err != nil {
		return routes{}, err
	}
	return *c.chosen.Load(), nil
}
