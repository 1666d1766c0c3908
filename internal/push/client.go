package push

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Server is where to send documents, and by what right.
type Server struct {
	// URL is the base, such as https://rollcall.example.com.
	URL string
	// PathPrefix is what comes before /contacts/. Default: /gk/api.
	PathPrefix string
	// Token is a bearer token. TokenFile holds one, and is read again for every request; it comes before Token.
	Token, TokenFile string
	// CAFile holds the certificates, in PEM, by which the server is known. Default: those of the system.
	CAFile string
	// ClientCert and ClientKey are files in PEM, for a caller that is known by a certificate.
	ClientCert, ClientKey string
}

// client sends bulk requests.
type client struct {
	http   *http.Client
	server Server
	// target is the address of the bulk endpoint, with what is asked of it.
	target string
}

const defaultPathPrefix = "/gk/api"

func newClient(options *Options) (*client, error) {
	server := options.Server
	server.Token = strings.TrimSpace(server.Token) // as that of a file
	base, err := url.Parse(server.URL)
	switch {
	case server.URL == "":
		return nil, errors.New("nothing says where to send the documents: --url or ROLLCALL_INGEST_URL")
	case err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("the URL must be like https://rollcall.example.com")
	case server.Token == "" && server.TokenFile == "" && server.ClientCert == "":
		return nil, errors.New("there is no credential: --token-file, ROLLCALL_TOKEN, or --client-cert with --client-key")
	case (server.ClientCert == "") != (server.ClientKey == ""):
		return nil, errors.New("--client-cert and --client-key belong together")
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if server.CAFile != "" {
		content, err := os.ReadFile(server.CAFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", server.CAFile)
		}
	}
	if server.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(server.ClientCert, server.ClientKey)
		if err != nil {
			return nil, err
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
	}
	target := base.JoinPath(cmp.Or(server.PathPrefix, defaultPathPrefix), "contacts/")
	if options.DryRun {
		target.RawQuery = url.Values{"dryRun": {"All"}}.Encode()
	}
	c := &client{
		// A redirect would take the credential elsewhere.
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		server: server,
		target: target.String(),
	}
	_, err = c.token() // a file that is not there is better known now
	return c, err
}

func (c *client) token() (string, error) {
	if c.server.TokenFile == "" {
		return c.server.Token, nil
	}
	content, err := os.ReadFile(c.server.TokenFile)
	return strings.TrimSpace(string(content)), err
}

// post sends a request and gives the answer, which begins while the body is still sent. Any other answer than lines is an
// error, and a laterError where a repetition is worth it.
func (c *client) post(ctx context.Context, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target, body)
	if err != nil {
		return nil, err
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Content-Encoding", "gzip")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "application/x-ndjson") {
		return response, nil
	}
	defer response.Body.Close()
	return nil, refusal(response)
}

// unreachable says why no answer came. A server that cannot prove who it is will not do so later either.
func unreachable(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address, which is long and known
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return fmt.Errorf("the server's certificate is not trusted: %w. --ca-file names those that are", err)
	}
	return &laterError{reason: "the server does not answer (" + cause(ctx, err).Error() + ")"}
}

// longestProblem is how much is read of an answer that may be anybody's, in bytes.
const longestProblem = 64 << 10

// refusal reads the answer to a request that was refused as a whole.
func refusal(response *http.Response) error {
	var problem answer
	content, _ := io.ReadAll(io.LimitReader(response.Body, longestProblem))
	_ = json.Unmarshal(content, &problem) // what is no problem has nothing to tell but its status
	problem.Status = response.StatusCode
	problem.RetryAfter, _ = strconv.Atoi(response.Header.Get("Retry-After"))
	if problem.Status == http.StatusOK {
		return errors.New("the server answered without lines; is this Rollcall's bulk endpoint?")
	}
	return problem.failure()
}
