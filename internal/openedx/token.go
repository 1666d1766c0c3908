package openedx

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"k8s.io/utils/clock"
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

	fetching turn // guards what follows
	token    string
	renewAt  time.Time
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
		client:   client,
		clock:    client.clock,
		fetching: newTurn(),
	}
}

// get gives the token, a new one if need be. A token that is given as refused is not given again; whoever comes second
// with it gets the one that the first fetched.
func (c *credentials) get(ctx context.Context, refused string) (string, error) {
	if err := c.fetching.take(ctx); err != nil {
		return "", err
	}
	defer c.fetching.give()
	if c.token != "" && c.token != refused && c.clock.Now().Before(c.renewAt) {
		return c.token, nil
	}
	c.token = ""
	token, lifetime, err := c.fetch(ctx)
	if err != nil {
		return "", err
	}
	c.token = token
	c.renewAt = c.clock.Now().Add(max(lifetime-renewEarly, shortestUse))
	return token, nil
}

func (c *credentials) fetch(ctx context.Context) (token string, lifetime time.Duration, err error) {
	lane := c.client.lanes[callToken]
	if err := lane.admit(ctx, false); err != nil {
		return "", 0, err
	}
	a := c.client.timed(ctx, callToken, func(ctx context.Context) answer {
		fetched, err := c.config.Token(context.WithValue(ctx, oauth2.HTTPClient, c.client.http))
		if err != nil {
			return tokenFailure(err)
		}
		// The expiry in the token is the system clock's; this is the lifetime as the LMS sent it.
		seconds, _ := fetched.Extra("expires_in").(float64)
		token, lifetime = fetched.AccessToken, time.Duration(seconds)*time.Second
		return answer{status: http.StatusOK}
	})
	return token, lifetime, c.client.judge(ctx, callToken, lane, a)
}

// tokenFailure makes an answer of x/oauth2's error, whose own text would quote the body.
func tokenFailure(err error) answer {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return answer{status: refused.Response.StatusCode, header: refused.Response.Header, body: refused.Body}
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return answer{status: noAnswer, cause: withoutURL(err)}
	}
	return answer{status: http.StatusOK, cause: errors.New("the answer holds no token")}
}
