package openedx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/trail"
)

// maxBody is more than any answer that is asked for: a course with all its modes has a few kilobytes. What is longer
// is cut off, and then not the JSON that it should be.
const maxBody = 1 << 20

// timeoutEach is what each item of many adds to the time-out of a call: ten times what the slowest kind was seen to take.
const timeoutEach = 400 * time.Millisecond

// request is one call to the LMS.
type request struct {
	call   call
	method string
	// path below the LMS's URL, escaped, with or without a slash at its end exactly as the LMS has it.
	path  string
	query url.Values
	// json or form is the body; a request has at most one of them.
	json any
	form url.Values
	// anonymous sends no token.
	anonymous bool
	// pass was taken before the request was made; without one, the call takes its own.
	pass *pass
	// items is how many things it asks for together, if there can be many: it may take longer for each of them.
	items int
}

// do makes a call, from its turn to the classified answer, and decodes the answer into out; nil is for a call whose answer
// says nothing.
func (c *Client) do(ctx context.Context, r request, out any) error {
	// The token comes first, so that nobody holds a turn while it is fetched.
	token, err := c.tokenFor(ctx, r)
	if err == nil && r.pass == nil {
		r.pass, err = c.admit(ctx, r.call)
	}
	if err != nil {
		r.pass.end(resultNone)
		return err
	}
	a, err := c.authorized(ctx, r, token)
	if err != nil {
		r.pass.end(resultNone)
		return err
	}
	if err := c.judge(ctx, r.call, r.pass, a); err != nil {
		return err
	}
	if out == nil || r.call == callReadEnrollment && empty(a) {
		return nil // An empty enrollment is how the LMS says that there is none.
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return &lms.Error{
			Class:   lms.Transient,
			Reason:  v1alpha1.ReasonUnexpectedAnswer,
			Message: unexpectedAnswer,
			Cause:   fmt.Errorf("%s: the answer is not of the expected shape", r.call),
		}
	}
	return nil
}

// admit gives a pass for a call, after a wait of a second at most, or says when to come back. Whoever gets one has to give
// it to do, or to end it.
func (c *Client) admit(ctx context.Context, name call) (*pass, error) {
	return c.throttles.of(name).admit(ctx)
}

// turnOf admits calls of a kind that are made of many wishes. As for every call, the token comes before the turn.
func (c *Client) turnOf(name call) func(context.Context) (*pass, error) {
	return func(ctx context.Context) (*pass, error) {
		if _, err := c.credentials.get(ctx, ""); err != nil {
			return nil, err
		}
		return c.admit(ctx, name)
	}
}

// tokenFor gives the token for a request, or none for an anonymous one.
func (c *Client) tokenFor(ctx context.Context, r request) (string, error) {
	if r.anonymous {
		return "", nil
	}
	return c.credentials.get(ctx, "")
}

// authorized sends the request with the token. Whatever the LMS dislikes about one, it answers 401: then it is sent
// once more, with a new one.
func (c *Client) authorized(ctx context.Context, r request, token string) (answer, error) {
	a := c.send(ctx, r, token)
	if r.anonymous || a.status != http.StatusUnauthorized {
		return a, nil
	}
	token, err := c.credentials.get(ctx, token)
	if err != nil {
		return answer{}, err
	}
	// The LMS counts the repeat too.
	if err := r.pass.again(ctx); err != nil {
		return answer{}, err
	}
	return c.send(ctx, r, token), nil
}

func (c *Client) send(ctx context.Context, r request, token string) answer {
	return c.timed(ctx, r.call, c.timeout+time.Duration(r.items)*timeoutEach, func(ctx context.Context) answer {
		httpRequest, err := c.newRequest(ctx, r, token)
		if err != nil {
			return answer{status: noAnswer, cause: errors.New("the request cannot be made")}
		}
		response, err := c.http.Do(httpRequest)
		if err != nil {
			return answer{status: noAnswer, cause: withoutURL(err)}
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
		if err != nil {
			return answer{status: noAnswer, cause: err}
		}
		return answer{status: response.StatusCode, header: response.Header, body: body}
	})
}

// timed runs one exchange with the LMS within the time-out, and counts it.
func (c *Client) timed(ctx context.Context, name call, timeout time.Duration, exchange func(context.Context) answer) answer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := c.clock.Now()
	a := exchange(ctx)
	observe(name, a.status, c.clock.Since(start))
	return a
}

func (c *Client) newRequest(ctx context.Context, r request, token string) (*http.Request, error) {
	var body io.Reader
	contentType := ""
	switch {
	case r.json != nil:
		encoded, err := json.Marshal(r.json)
		if err != nil {
			return nil, err
		}
		body, contentType = bytes.NewReader(encoded), "application/json"
	case r.form != nil:
		body, contentType = strings.NewReader(r.form.Encode()), "application/x-www-form-urlencoded"
	}
	address := c.base.String() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, err
	}
	trail.Inject(ctx, request.Header)
	request.Header.Set("Accept", "application/json")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		// Not Bearer: the LMS looks a bearer token up among its opaque ones.
		request.Header.Set("Authorization", "JWT "+token)
	}
	return request, nil
}

// judge keeps the gate, ends the pass, and classifies the answer; nil is a success.
func (c *Client) judge(ctx context.Context, name call, pass *pass, a answer) error {
	if a.status == noAnswer && errors.Is(ctx.Err(), context.Canceled) {
		// It is the caller who gave up, not the LMS.
		pass.end(resultNone)
		return lms.AsError(context.Cause(ctx))
	}
	a.retryAfter = parseRetryAfter(a.header.Get("Retry-After"), c.clock.Now())
	failure, gate := classify(name, a), &pass.throttle.gate
	came := resultOf(a, failure)
	switch {
	case came == resultFailed && name.isAside():
		came = resultNone
	case came == resultRefused || a.status == http.StatusServiceUnavailable:
		gate.shut(failure, c.clock.Now())
	case came == resultServed:
		gate.served(ctx, c.clock.Now())
	}
	pass.end(came) // now that who gets its turn next finds the gate shut
	if failure == nil {
		return nil // a nil *lms.Error would be an error that is not nil
	}
	return failure
}

func resultOf(a answer, failure *lms.Error) result {
	switch {
	case failure != nil && failure.Class == lms.Throttled:
		return resultRefused
	case a.status == noAnswer || a.status >= http.StatusInternalServerError:
		return resultFailed
	}
	return resultServed
}

// withoutURL strips the URL from an error of net/http: its path and query name people.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
