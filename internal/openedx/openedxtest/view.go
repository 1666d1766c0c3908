package openedxtest

import (
	"bytes"
	"fmt"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through a view.
type call struct {
	*Server
	request *http.Request
	body    []byte
	vars    map[string]string // what the URL's pattern captured
	view    *view
	// caller is who asks; nil is nobody, or nobody the view wants to know.
	caller *user
	// cost is how long a real platform is busy with the call; handlers add to it.
	cost time.Duration
	// transit is what the call takes besides, while the platform can work on others.
	transit time.Duration
}

type handler func(*call) answer

// view is one of the platform's API views. Like those it asks, in this order: who is it, may they, are they too fast,
// is it a method of mine. So a refused method still needs a token, and counts.
type view struct {
	schemes  schemes
	require  func(*call) bool // beyond being somebody; nil: nothing more
	public   bool             // nobody in particular will do
	throttle rate             // zero: none
	parses   []string         // media types of a body, nil: JSON and forms
	// developerErrors says refusals as "developer_message", and then without the headers that go with a refusal.
	developerErrors bool
	methods         map[string]handler
	// allow replaces the Allow header that follows from methods.
	allow string
}

const (
	mediaJSON       = "application/json"
	mediaForm       = "application/x-www-form-urlencoded"
	mediaMultipart  = "multipart/form-data"
	mediaMergePatch = "application/merge-patch+json"

	notPermitted     = "You do not have permission to perform this action."
	notAuthenticated = "Authentication credentials were not provided."
)

// serve answers a call. A page is not the view's own answer: it failed.
func (v *view) serve(c *call) answer {
	a := v.respond(c)
	if a.page != "" {
		return a
	}
	return a.with("Allow", v.allowed())
}

func (v *view) respond(c *call) answer {
	if refusal := c.authenticate(v.schemes); refusal != nil {
		return v.refuse(*refusal)
	}
	switch {
	case v.public:
	case c.caller == nil:
		return v.refuse(v.schemes.nobody())
	case v.require != nil && !v.require(c):
		return v.refuse(v.schemes.forbidden())
	}
	if wait, tooFast := c.throttled(v.throttle); tooFast {
		return v.refuse(throttleRefusal(wait))
	}
	method := c.request.Method
	switch method {
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodOptions:
		return ok(object{"renders": []string{mediaJSON}, "parses": v.mediaTypes()})
	}
	handle := v.methods[method]
	if handle == nil {
		return v.refuse(refusal{status: http.StatusMethodNotAllowed, detail: fmt.Sprintf("Method %q not allowed.", c.request.Method)})
	}
	return handle(c)
}

// mediaTypes are those of the bodies a view reads.
func (v *view) mediaTypes() []string {
	if v.parses == nil {
		return []string{mediaJSON, mediaForm, mediaMultipart}
	}
	return v.parses
}

// allowed is the Allow header, in the order in which Django lists methods.
func (v *view) allowed() string {
	if v.allow != "" {
		return v.allow
	}
	var names []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if v.methods[method] != nil {
			names = append(names, method)
		}
	}
	if v.methods["GET"] != nil {
		names = append(names, "HEAD")
	}
	return strings.Join(append(names, "OPTIONS"), ", ")
}

// refusal is an answer the framework gives by itself, before or in place of the view's own.
type refusal struct {
	status int
	detail any
	wait   time.Duration // how long until it may be tried again; 0: not said
}

func (v *view) refuse(r refusal) answer {
	if v.developerErrors {
		return jsonAnswer(r.status, object{"developer_message": r.detail})
	}
	body := r.detail
	if text, isText := r.detail.(string); isText {
		body = object{"detail": text}
	}
	a := jsonAnswer(r.status, body)
	if r.status == http.StatusUnauthorized {
		a = a.with("WWW-Authenticate", v.schemes.challenge())
	}
	if r.wait > 0 {
		a = a.with("Retry-After", strconv.Itoa(seconds(r.wait)))
	}
	return a
}

func throttleRefusal(wait time.Duration) refusal {
	text := "Request was throttled."
	switch n := seconds(wait); {
	case n == 1:
		text += " Expected available in 1 second."
	case n > 1:
		text += fmt.Sprintf(" Expected available in %d seconds.", n)
	}
	return refusal{status: http.StatusTooManyRequests, detail: text, wait: wait}
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// data is the request's body, decoded by its media type; no body at all is an empty object.
// Of a form only the last value of a name counts. The answer is nil unless the body cannot be read.
func (c *call) data() (any, *answer) {
	contentType := c.request.Header.Get("Content-Type")
	if len(c.body) == 0 {
		return object{}, nil
	}
	media, params := mediaType(contentType)
	for _, known := range c.view.mediaTypes() {
		if media != known {
			continue
		}
		switch media {
		case mediaForm, mediaMultipart:
			form := object{}
			for name, values := range parseForm(media, params, c.body) {
				form[name] = values[len(values)-1]
			}
			return form, nil
		default:
			value, err := decodeJSON(string(c.body))
			if err != nil {
				a := c.view.refuse(refusal{status: http.StatusBadRequest, detail: "JSON parse error - " + err.Error()})
				return nil, &a
			}
			return value, nil
		}
	}
	a := c.view.refuse(refusal{
		status: http.StatusUnsupportedMediaType,
		detail: fmt.Sprintf("Unsupported media type \"%s\" in request.", contentType),
	})
	return nil, &a
}

// object is the request's body where the view takes it for an object without looking: anything else makes it fail.
func (c *call) object() (object, *answer) {
	value, problem := c.data()
	if problem != nil {
		return nil, problem
	}
	members, isObject := value.(object)
	if !isObject {
		failed := page(http.StatusInternalServerError)
		return nil, &failed
	}
	return members, nil
}

// isForm tells whether the body is a form.
func (c *call) isForm() bool {
	media, _ := mediaType(c.request.Header.Get("Content-Type"))
	return media == mediaForm || media == mediaMultipart
}

// mediaType takes a Content-Type apart; one that cannot be read is none that anything takes.
func mediaType(contentType string) (media string, params map[string]string) {
	media, params, _ = mime.ParseMediaType(contentType)
	return media, params
}

func parseForm(media string, params map[string]string, body []byte) url.Values {
	if media == mediaForm {
		values, _ := url.ParseQuery(string(body)) // takes what it can, as Django does
		return values
	}
	form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(int64(len(body)))
	if err != nil {
		return nil
	}
	return form.Value
}

// query is a query parameter; of several the last counts.
func (c *call) query(name string) string {
	values := c.request.URL.Query()[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// url is an absolute URL of this server, as the caller addressed it.
func (c *call) url(path string) string { return "http://" + c.request.Host + path }
