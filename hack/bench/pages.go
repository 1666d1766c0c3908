package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// callers is how many learners call; each has a token of the identity server.
const callers = 200

// pages measures what learners' pages ask for while all Contacts are in Rollcall's cache: reading, and messages against raw
// writes of the objects that the learner API makes of them.
type pages struct {
	*bench
	stored int
	url    string
	http   *http.Client
	raw    client.Client
	tokens []string
	series map[visit]*series
}

// visit is a kind of request, and how many of them were under way at a time.
type visit struct {
	kind    string
	clients int
}

// The kinds of requests, in the order of the report.
const (
	getMe       = "GET me"
	getCourses  = "GET My Courses"
	getMentor   = "GET mentor"
	postMessage = "POST message"
	rawMessage  = "raw create of the message"
)

var visits = []string{getMe, getCourses, getMentor, postMessage, rawMessage}

// measurePages measures with the Contacts that ingest was measured with.
func (b *bench) measurePages(ctx context.Context, s *site) (section, error) {
	raw, err := client.New(b.operator, client.Options{Scheme: b.Scheme()})
	if err != nil {
		return section{}, err
	}
	p := &pages{bench: b, stored: slices.Max(b.contacts), raw: raw, series: map[visit]*series{}}
	stop, err := p.admitLearners(ctx, s.namespace)
	if err != nil {
		return section{}, err
	}
	defer stop()
	address, err := freeAddress(ctx)
	if err != nil {
		return section{}, err
	}
	p.url = "https://" + address + "/gk/api"
	flags := []string{"--learner-bind-address=" + address, "--learner-cert-dir=" + s.folder, "--learner-messages-per-hour=1000000"}
	err = b.withRollcall(ctx, s, flags, func(ctx context.Context, office *backOffice, _ time.Duration) error {
		p.http = office.http
		if _, err := b.settled(ctx); err != nil {
			return err
		}
		for _, clients := range b.clients {
			progress("Pages of learners, %d at a time", clients)
			for round := range b.rounds + 1 { // what the first one finds does not count
				if err := p.round(ctx, s.namespace, clients, round > 0); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return p.section(), err
}

// admitLearners sets up a platform, a mentor, and an identity server whose tokens some of the learners have.
func (p *pages) admitLearners(ctx context.Context, namespace string) (stop func(), err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	answer := func(path string, with any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(with) })
	}
	answer("/.well-known/openid-configuration", map[string]any{"issuer": server.URL, "jwks_uri": server.URL + "/keys",
		"authorization_endpoint": server.URL, "token_endpoint": server.URL, "id_token_signing_alg_values_supported": []string{"RS256"}})
	answer("/keys", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Algorithm: "RS256", Use: "sig"}}})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		return server.Close, err
	}
	for i := range callers {
		token, err := jwt.Signed(signer).Claims(map[string]any{"iss": server.URL, "aud": "bench", "sub": strconv.Itoa(i),
			"exp": time.Now().Add(24 * time.Hour).Unix(), "email": p.learner(i).Email, "email_verified": true}).Serialize()
		if err != nil {
			return server.Close, err
		}
		p.tokens = append(p.tokens, token)
	}
	for _, o := range []client.Object{
		// There is no LMS: the controllers wait for it, and learners are answered.
		&v1alpha1.LearningPlatform{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}, Spec: v1alpha1.LearningPlatformSpec{
			URL: server.URL, CredentialsSecretRef: v1alpha1.SecretReference{Name: "none"}, TimeZone: "Europe/Berlin",
			Learners: v1alpha1.LearnersSpec{
				IdentityServer: v1alpha1.IdentityServer{Issuer: server.URL, Audience: "bench"},
				Support:        v1alpha1.SupportSpec{DisplayName: "Learner Services", Email: "support@example.com"},
			},
		}},
		&v1alpha1.CourseMentor{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mentor"}, Spec: v1alpha1.CourseMentorSpec{
			CourseCode: courseCode(0), MentorProfile: v1alpha1.MentorProfile{DisplayName: "Dana Wells", Email: "dana@example.com"},
		}},
	} {
		if err := p.Create(ctx, o); err != nil {
			return server.Close, err
		}
	}
	return server.Close, nil
}

// learner gives one who calls; they are all over the place.
func (p *pages) learner(i int) document {
	return newDocument("s", i%callers*7919%p.stored, p.enrollments)
}

// round measures each kind of request once. What it stores goes at its end, so that all rounds have as much.
func (p *pages) round(ctx context.Context, namespace string, clients int, counts bool) error {
	count := clients
	if counts {
		count = max(p.requests, requestsPerClient*clients)
	}
	const text = "How tight is too tight?"
	for _, kind := range visits {
		do := func(ctx context.Context, i int) error {
			id := p.learner(i).ContactID
			switch kind {
			case getMe:
				return p.call(ctx, i, http.MethodGet, "/learner/me/", "", http.StatusOK)
			case getCourses:
				return p.call(ctx, i, http.MethodGet, "/learner/contacts/"+id+"/courses/", "", http.StatusOK)
			case getMentor:
				return p.call(ctx, i, http.MethodGet, "/mentor/contacts/"+id+"/courses/"+courseCode(0)+"/", "", http.StatusOK)
			case postMessage:
				return p.call(ctx, i, http.MethodPost, "/support/contacts/"+id+"/", `{"text": "`+text+`"}`, http.StatusCreated)
			default:
				return p.raw.Create(ctx, &v1alpha1.LearnerMessage{
					ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "raw-"},
					Spec: v1alpha1.LearnerMessageSpec{ContactRef: v1alpha1.ContactReference{Name: p.learner(i).contact(namespace).Name},
						Recipient: v1alpha1.RecipientSupport, Text: text, PlatformRef: v1alpha1.PlatformReference{Name: "default"}},
				})
			}
		}
		taken, err := measure(ctx, clients, count, do)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if kind == postMessage || kind == rawMessage {
			if _, err := p.settled(ctx); err != nil {
				return err
			}
		}
		if at := (visit{kind, clients}); counts {
			if p.series[at] == nil {
				p.series[at] = &series{}
			}
			p.series[at].rounds = append(p.series[at].rounds, taken)
		}
	}
	if err := p.DeleteAllOf(ctx, &v1alpha1.LearnerMessage{}, client.InNamespace(namespace)); err != nil {
		return err
	}
	_, err := p.settled(ctx)
	return err
}

// call sends a request as a learner and checks the status of the answer.
func (p *pages) call(ctx context.Context, i int, method, path, body string, want int) error {
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.tokens[i%callers])
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s was answered %s, not %d: %s", path, response.Status, want, answer)
	}
	return err
}

// section reports on it.
func (p *pages) section() section {
	figures := table{Head: []string{"", "clients", "requests", "rate/s", "p50", "p99"}}
	compared := table{Head: []string{"POST message / raw create, median round", "clients", "rate", "p99"}}
	for _, clients := range p.clients {
		for _, kind := range visits {
			if s := p.series[visit{kind, clients}]; s != nil {
				all := s.all()
				figures.Rows = append(figures.Rows, []string{kind, strconv.Itoa(clients), strconv.Itoa(all.count), fmt.Sprintf("%.0f", all.rate()),
					milliseconds(all.quantile(0.5)), milliseconds(all.p99())})
			}
		}
		if sent, raw := p.series[visit{postMessage, clients}], p.series[visit{rawMessage, clients}]; sent != nil && raw != nil {
			compared.Rows = append(compared.Rows, []string{"", strconv.Itoa(clients), fmt.Sprintf("%.2f", ratios(sent, raw, sample.rate).median),
				fmt.Sprintf("%.2f", ratios(sent, raw, sample.p99).median)})
		}
	}
	return section{
		Title:  "Pages of learners, with " + grouped(p.stored) + " Contacts stored",
		Note:   "Reading costs no call of the API server or of the LMS; each request brings a token whose signature is checked.",
		Tables: []table{figures, compared},
	}
}
