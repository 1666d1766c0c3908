package learner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/router"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"rollcall.dev/rollcall/webhook/doors"
)

// contract is the API's description as it is served, and judges exchanges by it.
type contract struct {
	model  *v3.Document
	routes router.Router
	// requests lets a client send more than is described, as HTTP does; answers does not let the door.
	requests, answers validator.Validator
}

var described = sync.OnceValues(func() (*contract, error) {
	served, err := doors.Describe(openAPI, prefix)
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(served.Body)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	options := []config.Option{config.WithFormatAssertions(), config.WithAuthenticationFunc(authenticates)}
	requests, wrong := validator.NewValidator(document, options...)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	answers, wrong := validator.NewValidator(document, append(options, config.WithStrictMode(),
		config.WithStrictIgnoredHeaders("Content-Type", "Content-Length", "Date", "Connection"),
		// What an OpenAPI document has in it is not described here again.
		config.WithStrictIgnorePaths("$.body.info", "$.body.servers", "$.body.security", "$.body.tags", "$.body.paths", "$.body.components"))...)
	return &contract{&model.Model, router.NewRouter(&model.Model), requests, answers}, errors.Join(wrong...)
})

func contractOf(t testing.TB) *contract {
	t.Helper()
	c, err := described()
	must(t, err)
	return c
}

// authenticates finds whether a request has the credential of a security scheme; the door's own tests say which is good.
func authenticates(context.Context, *config.AuthenticationInput) error { return nil }

// judge finds what is wrong with an exchange: an answer has to be as it is described, and a request that was carried out has to
// be one that is described.
func (c *contract) judge(r *http.Request, body string, a answer) error {
	sent := r.Clone(context.Background())
	sent.Body = io.NopCloser(strings.NewReader(body))
	switch _, err := c.routes.FindRoute(sent); {
	case errors.Is(err, router.ErrPathNotFound):
		return a.has(http.StatusNotFound)
	case errors.Is(err, router.ErrMethodNotAllowed):
		if r.Method == http.MethodHead || a.status == http.StatusNoContent { // as HTTP, and browsers, want it
			return nil
		}
		if err := a.has(http.StatusMethodNotAllowed); err != nil {
			return err
		}
		sent.Method = http.MethodGet // any of them describes the answer to all others
	case err != nil:
		return err
	}
	received := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body))}
	if _, found := c.answers.ValidateHttpResponse(sent, received); len(found) > 0 {
		return fmt.Errorf("the answer to %s %s is not as described: %d %v %.2000s: %w", sent.Method, sent.URL, a.status, a.header, a.body, found[0])
	}
	if a.status >= 300 {
		return nil
	}
	if _, found := c.requests.ValidateHttpRequest(sent); len(found) > 0 {
		return fmt.Errorf("%s %s is not as described, and was carried out: %w", sent.Method, sent.URL, found[0])
	}
	return nil
}

// has finds that an answer has another status.
func (a answer) has(status int) error {
	if a.status != status {
		return fmt.Errorf("the status is %d, want %d: %.1000s", a.status, status, a.body)
	}
	return nil
}
