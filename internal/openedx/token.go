package openedx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/internal/lms"
)

const (
	// renewEarly before a token expires, so that none expires on its way.
	renewEarly = time.Minute
	// shortestUse of a token whose lifetime is shorter than that or not known.
	shortestUse = 10 * time.Second
)

// credentials keeps the one token that all calls share. The cache of x/oauth2 would do, did it let go of a token that
// was refused, of a caller whose context ends, and of the system's clock.
type credentials struct {
	config clientcredentials.Config
	client *Client
	clock  clock.Clock

	mu       sync.Mutex // guards what follows
	token    string
	renewAt  time.Time
	underWay *fetching // nil: none
}

// fetching is a token that is under way. All who need one meanwhile wait for it and share how it ends.
type fetching struct {
	done  chan struct{} // closed when the rest is there
	token string
	err   error
}

func newCredentials(client *Client, id, secret string) *credentials {
	return &credentials{
		config: clientcredentials.Config{
			ClientID:       id,
			ClientSecret:   secret,
			TokenURL:       client.base.JoinPath("oauth2/access_token").String(),
			EndpointParams: url.Values{"token_type": {"jwt"}},
			AuthStyle:      oauth2.AuthStyleInParams,
		},
		client: client,
		clock:  client.clock,
	}
}

// get gives the token, a new one if need be. A token that is given as refused is not given again; whoever comes second
// with it gets the one that the first fetched.
func (c *credentials) get(ctx context.Context, refused string) (string, error) {
	c.mu.Lock()
	if c.underWay == nil {
		if c.token != "" && c.token != refused && c.clock.Now().Before(c.renewAt) {
			defer c.mu.Unlock()
			return c.token, nil
		}
		c.underWay = &fetching{done: make(chan struct{})}
		// Whoever comes first may give up; the others still wait.
		go c.renew(context.WithoutCancel(ctx), c.underWay)
	}
	underWay := c.underWay
	c.mu.Unlock()
	select {
	case <-underWay.done:
		return underWay.token, underWay.err
	case <-ctx.Done():
		return "", lms.AsError(context.Cause(ctx))
	}
}

// renew fetches a token, keeps it, and tells those who wait.
func (c *credentials) renew(ctx context.Context, underWay *fetching) {
	var lifetime time.Duration
	underWay.token, lifetime, underWay.err = c.fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.renewAt = underWay.token, c.clock.Now().Add(max(lifetime-renewEarly, shortestUse))
	c.underWay = nil
	close(underWay.done)
}

func (c *credentials) fetch(ctx context.Context) (token string, lifetime time.Duration, err error) {
	pass, err := c.client.admit(ctx, callToken)
	if err != nil {
		return "", 0, err
	}
	a := c.client.timed(ctx, callToken, c.client.timeout, func(ctx context.Context) answer {
		fetched, err := c.config.Token(context.WithValue(ctx, oauth2.HTTPClient, c.client.http))
		if err != nil {
			return tokenFailure(err)
		}
		// The expiry in the token is the system clock's; this is the lifetime as the LMS sent it.
		seconds, _ := fetched.Extra("expires_in").(float64)
		token, lifetime = fetched.AccessToken, time.Duration(seconds)*time.Second
		return answer{status: http.StatusOK}
	})
	return token, lifetime, c.client.judge(ctx, callToken, pass, a)
}

// tokenFailure makes an answer of x/oauth2's error, whose own text would quote the body.
func tokenFailure(err error) answer {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := refused.Response.StatusCode
		return answer{status: status, header: refused.Response.Header, body: refused.Body, cause: fmt.Errorf("status %d without a token", status)}
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return answer{status: noAnswer, cause: withoutURL(err)}
	}
	return answer{status: http.StatusOK, cause: errors.New("the answer holds no token")}
}
