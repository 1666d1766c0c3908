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
	served, err := describe(defaultPathPrefix)
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(served.body)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	options := []config.Option{
		config.WithFormatAssertions(),
		config.WithBodyDecoder("application/x-ndjson", content.DecoderFunc(lines)),
		config.WithAuthenticationFunc(authenticates),
	}
	requests, wrong := validator.NewValidator(document, options...)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	answers, wrong := validator.NewValidator(document, append(options, config.WithStrictMode(),
		config.WithStrictIgnoredHeaders("Content-Type", "Content-Length", "Date"),
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

// lines reads NDJSON as the list that the description makes of it: OpenAPI 3.1 has no word of its own for it.
func lines(input *content.DecodeInput) (any, error) {
	read := []any{}
	body := bufio.NewReader(input.Body)
	for {
		line, err := body.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var value any
			decoder := json.NewDecoder(bytes.NewReader(line))
			decoder.UseNumber() // revisions have 63 bits
			if err := decoder.Decode(&value); err != nil {
				return nil, err
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
	sent, err := sentAs(r, header)
	if err != nil {
		return a.has(http.StatusBadRequest) // not even a URL
	}
	if by != insecure { // the others are there for their certificates
		sent.TLS = &tls.ConnectionState{}
	}
	route, err := c.routes.FindRoute(sent)
	switch {
	case errors.Is(err, router.ErrPathNotFound):
		if err := a.has(http.StatusNotFound); err != nil {
			return err
		}
		sent.URL.Path, sent.URL.RawPath = pathOf("of-nobody"), "" // where there is nothing, too, but described
		if sent.Method != http.MethodHead {
			sent.Method = http.MethodGet
		}
	case errors.Is(err, router.ErrMethodNotAllowed):
		if err := a.has(http.StatusMethodNotAllowed); err != nil {
			return err
		}
		for method := range route.PathItem.GetOperations().KeysFromOldest() { // any of them describes the answer to all others
			sent.Method = strings.ToUpper(method)
			break
		}
	case err != nil:
		return err
	}
	if err := c.judgeAnswer(sent, a); err != nil {
		return err
	}
	if carriedOut := a.status < 300 || strings.Contains(a.body, `"/problems/conflict"`); !carriedOut {
		return nil
	}
	if r.method == http.MethodPost {
		body, err := carriedOutLines(r, header, a)
		if err != nil {
			return err
		}
		sent.Body = io.NopCloser(strings.NewReader(body))
	}
	return c.judgeRequest(sent)
}

func (c *contract) judgeAnswer(sent *http.Request, a answer) error {
	received := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body))}
	if sent.Method == http.MethodHead && a.body != "" {
		return errors.New("the answer to HEAD has a body")
	}
	if reads := sent.Method == http.MethodGet || sent.Method == http.MethodHead; !reads && strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return fmt.Errorf("%s is answered with a page", sent.Method)
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
	return sent, nil
}

// has finds that an answer has another status. A replica that starts or has too much to do does not look at requests.
func (a answer) has(status int) error {
	if a.status != status && a.status != http.StatusServiceUnavailable {
		return fmt.Errorf("the status is %d, want %d: %.1000s", a.status, status, a.body)
	}
	return nil
}

// carriedOutLines gives the lines of a bulk request that were not refused.
func carriedOutLines(r request, header http.Header, a answer) (string, error) {
	var body io.Reader = strings.NewReader(r.body)
	if header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return "", err
		}
		body = unpacked
	}
	whole, err := io.ReadAll(body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // a body may break off
		return "", err
	}
	sent := strings.Split(string(whole), "\n")
	var kept strings.Builder
	for line := range strings.Lines(a.body) {
		var answered struct {
			Line, Status int
			Type         string
		}
		if err := json.Unmarshal([]byte(line), &answered); err != nil {
			return "", err
		}
		if answered.Status < 300 || answered.Type == "/problems/conflict" {
			kept.WriteString(sent[answered.Line-1] + "\n")
		}
	}
	return kept.String(), nil
}
