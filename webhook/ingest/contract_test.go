package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	validationerrors "github.com/pb33f/libopenapi-validator/errors"
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

// described is the contract of every door at the usual path.
var described = sync.OnceValues(func() (*contract, error) {
	served, err := doors.Describe(openAPI, defaultPathPrefix)
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
	options := []config.Option{
		config.WithFormatAssertions(),
		config.WithBodyDecoder("application/x-ndjson", content.DecoderFunc(ndjson)),
		config.WithAuthenticationFunc(authenticates),
	}
	requests, wrong := validator.NewValidator(document, options...)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	answers, wrong := validator.NewValidator(document, append(options, config.WithStrictMode(),
		config.WithStrictIgnoredHeaders("Content-Type", "Content-Length", "Date", "Connection"),
		// What an OpenAPI document has in it is not described here again.
		config.WithStrictIgnorePaths("$.body.info", "$.body.servers", "$.body.security", "$.body.tags", "$.body.paths", "$.body.components"))...)
	return &contract{model: &model.Model, routes: router.NewRouter(&model.Model), requests: requests, answers: answers},
		errors.Join(wrong...)
})

// authenticates finds whether a request has the credential of a security scheme; the library would not look for a
// certificate.
func authenticates(_ context.Context, input *config.AuthenticationInput) error {
	switch token := strings.HasPrefix(input.Request.Header.Get("Authorization"), "Bearer "); {
	case input.SecuritySchemeName == "bearer" && token, input.SecuritySchemeName == "clientCertificate" && input.Request.TLS != nil:
		return nil
	default:
		return errors.New("there is no such credential")
	}
}

// ndjson reads NDJSON as the list that the description makes of it: OpenAPI 3.1 has no word of its own for it.
func ndjson(input *content.DecodeInput) (any, error) {
	read := []any{}
	body := bufio.NewReader(input.Body)
	for {
		line, err := body.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var value any
			if err := json.Unmarshal(line, &value); err != nil {
				return nil, err
			}
			// The library knows numbers as floats only, and as one of them the highest revision is one too high.
			if members, ok := value.(map[string]any); ok && members["DocumentRevision"] == float64(1<<63) {
				members["DocumentRevision"] = math.Nextafter(1<<63, 0)
			}
			read = append(read, value)
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// judge finds what is wrong with an exchange: an answer has to be as it is described, and a request that was carried out
// has to be one that is described.
func (c *contract) judge(by *http.Client, r request, header http.Header, a answer) error {
	if reads := r.method == http.MethodGet || r.method == http.MethodHead; !reads && strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return fmt.Errorf("%s is answered with a page", r.method)
	}
	sent, err := sentAs(r, header)
	if err != nil {
		return a.has(http.StatusBadRequest) // not even a URL
	}
	if by != insecure { // the others are there for their certificates
		sent.TLS = &tls.ConnectionState{}
	}
	if err := c.place(sent, a); err != nil {
		return err
	}
	if err := c.judgeAnswer(sent, a); err != nil {
		return err
	}
	body, err := carriedOut(r, header, a)
	if err != nil || body == nil {
		return err
	}
	sent.Body = io.NopCloser(body)
	return c.judgeRequest(sent)
}

// place finds a request's place in the description. One that has none has to be refused for that; it is then made one that
// has the same answer.
func (c *contract) place(sent *http.Request, a answer) error {
	route, err := c.routes.FindRoute(sent)
	switch {
	case errors.Is(err, router.ErrPathNotFound):
		sent.URL.Path, sent.URL.RawPath = pathOf("of-nobody"), ""
		if sent.Method != http.MethodHead {
			sent.Method = http.MethodGet
		}
		return a.has(http.StatusNotFound)
	case errors.Is(err, router.ErrMethodNotAllowed):
		for method := range route.PathItem.GetOperations().KeysFromOldest() { // any of them describes the answer to all others
			sent.Method = strings.ToUpper(method)
			break
		}
		return a.has(http.StatusMethodNotAllowed)
	default:
		return err
	}
}

func (c *contract) judgeAnswer(sent *http.Request, a answer) error {
	received := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body))}
	if sent.Method == http.MethodHead && a.body != "" {
		return errors.New("the answer to HEAD has a body")
	}
	_, found := c.answers.ValidateHttpResponse(sent, received)
	return differing(fmt.Sprintf("the answer to %s %s is not as described: %d %v %.2000s", sent.Method, sent.URL, a.status, a.header, a.body), found)
}

func (c *contract) judgeRequest(sent *http.Request) error {
	_, found := c.requests.ValidateHttpRequest(sent)
	return differing(fmt.Sprintf("%s %s is not as described, and was carried out", sent.Method, sent.URL), found)
}

func differing(what string, found []*validationerrors.ValidationError) error {
	if len(found) == 0 {
		return nil
	}
	all := []error{errors.New(what)}
	for _, f := range found {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// sentAs makes a request as a server would see it.
func sentAs(r request, header http.Header) (*http.Request, error) {
	target, err := url.Parse("https://rollcall" + r.path)
	if err != nil {
		return nil, err
	}
	sent, err := http.NewRequest(r.method, target.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	sent.Header = header.Clone()
	if coding := header.Get("Content-Encoding"); coding != "" {
		sent.Header.Set("Content-Encoding", strings.ToLower(coding)) // HTTP makes no difference there
	}
	return sent, nil
}

// has finds that an answer has another status. A replica that starts or has too much to do does not look at requests.
func (a answer) has(status int) error {
	if a.status != status && a.status != http.StatusServiceUnavailable {
		return fmt.Errorf("the status is %d, want %d: %.1000s", a.status, status, a.body)
	}
	return nil
}

// carriedOut gives the body of a request, of a bulk request the lines alone, that was not refused; nil if there is none.
func carriedOut(r request, header http.Header, a answer) (io.Reader, error) {
	if a.status >= 300 && !strings.Contains(a.body, `"/problems/conflict"`) {
		return nil, nil
	}
	var stored map[int]bool
	if r.method == http.MethodPost {
		var err error
		if stored, err = storedLines(a); err != nil || len(stored) == 0 {
			return nil, err
		}
	}
	var body io.Reader = strings.NewReader(r.body)
	if strings.EqualFold(header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unpacked
	}
	if stored != nil {
		body = linesOf(body, stored)
	}
	return body, nil
}

// storedLines gives the numbers of the lines of a bulk request that were not refused.
func storedLines(a answer) (map[int]bool, error) {
	stored := map[int]bool{}
	for line := range strings.Lines(a.body) {
		var answered struct {
			Line, Status int
			Type         string
		}
		if err := json.Unmarshal([]byte(line), &answered); err != nil {
			return nil, err
		}
		if answered.Status < 300 || answered.Type == "/problems/conflict" {
			stored[answered.Line] = true
		}
	}
	return stored, nil
}

// linesOf gives some lines of a body, as far as it arrived whole.
func linesOf(body io.Reader, numbers map[int]bool) io.Reader {
	var kept bytes.Buffer
	whole, _ := io.ReadAll(body)
	number := 0
	for line := range bytes.Lines(whole) {
		if number++; numbers[number] {
			kept.Write(line)
		}
	}
	return &kept
}
