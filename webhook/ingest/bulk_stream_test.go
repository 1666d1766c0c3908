package ingest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/names"
	"rollcall.dev/rollcall/webhook/doors"
)

// protocols are clients that speak the one or the other version of HTTP.
func protocols(t *testing.T, test func(*testing.T, *http.Client)) {
	for name, version := range map[string]func(*http.Protocols, bool){
		"HTTP/1.1": (*http.Protocols).SetHTTP1, "HTTP/2": (*http.Protocols).SetHTTP2,
	} {
		t.Run(name, func(t *testing.T) {
			var spoken http.Protocols
			version(&spoken, true)
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: &spoken}
			t.Cleanup(transport.CloseIdleConnections)
			test(t, &http.Client{Transport: transport})
		})
	}
}

// talk is a bulk request that is under way.
type talk struct {
	t testing.TB
	// lines is the body; what is written was sent when Write returns.
	lines    *io.PipeWriter
	response chan *http.Response
	header   http.Header
	answers  *bufio.Reader
	hangUp   context.CancelFunc
}

// talk begins a bulk request.
func (d *door) talk(t testing.TB, client *http.Client, pairs ...string) *talk {
	t.Helper()
	body, lines := io.Pipe()
	ctx, hangUp := context.WithCancel(context.Background())
	t.Cleanup(hangUp)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+d.Addr().String()+bulkPath, body)
	must(t, err)
	r.Header = bulkRequest("", pairs...).header
	r.Header.Set("Authorization", "Bearer "+d.token)
	talking := &talk{t: t, lines: lines, response: make(chan *http.Response, 1), hangUp: hangUp}
	go func() {
		response, err := client.Do(r) //nolint:bodyclose // answer does it
		if err != nil {
			_ = body.CloseWithError(err)
		}
		talking.response <- response
	}()
	return talking
}

func (c *talk) say(lines string) {
	c.t.Helper()
	_, err := io.WriteString(c.lines, lines)
	must(c.t, err)
}

// answer gives the next line of the answer, or an error at its end.
func (c *talk) answer() (verdict, error) {
	c.t.Helper()
	if c.answers == nil {
		response := <-c.response
		if response == nil {
			return verdict{}, errors.New("the request failed")
		}
		if response.StatusCode != http.StatusOK {
			c.t.Fatalf("POST = %d, want 200", response.StatusCode)
		}
		c.t.Cleanup(func() { _ = response.Body.Close() })
		c.header, c.answers = response.Header, bufio.NewReader(response.Body)
	}
	line, err := c.answers.ReadString('\n')
	if err != nil {
		return verdict{}, err
	}
	sent, err := sentAs(bulkRequest(""), http.Header{})
	must(c.t, err)
	if err := contractOf(c.t).judgeAnswer(sent, answer{http.StatusOK, c.header, line}); err != nil {
		c.t.Error(err)
	}
	return verdictIn(c.t, line), nil
}

func (c *talk) wantAnswer(want string) {
	c.t.Helper()
	got, err := c.answer()
	must(c.t, err)
	wantStatuses(c.t, []verdict{got}, want)
}

func (c *talk) wantEnd() {
	c.t.Helper()
	if got, err := c.answer(); !errors.Is(err, io.EOF) {
		c.t.Errorf("%+v, %v after the last answer", got, err)
	}
}

func TestALineIsAnsweredBeforeTheNextIsSent(t *testing.T) {
	d := open(t)
	protocols(t, func(t *testing.T, client *http.Client) {
		c := d.talk(t, client)
		id := strings.ReplaceAll(strings.ReplaceAll(t.Name(), "/", "-"), ".", "-")
		for i := range 3 {
			c.say(learner(fmt.Sprint(id, i), "Jane") + "\n")
			c.wantAnswer(fmt.Sprint(i+1, " 201"))
		}
		c.say(learner(id, "Jane")) // the last line needs no end
		must(t, c.lines.Close())
		c.wantAnswer("4 201")
		c.wantEnd()
	})
}

// named is a contact ID of a test's own.
func named(t *testing.T, suffix any) string {
	return strings.NewReplacer("/", "-", "#", "-").Replace(t.Name()[strings.LastIndex(t.Name(), "/")+1:]) + "-" + fmt.Sprint(suffix)
}

// unpaced lets a caller send as fast as it goes.
func unpaced(o *Options) { o.Limits.CallerRate = 1_000_000_000 }

// The time limits are for who waits, not for how long all of it takes.
func TestAStreamThatGoesOnIsNotCutOff(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.ReadTimeout, o.Limits.RequestTimeout = time.Second, time.Second })
	protocols(t, func(t *testing.T, client *http.Client) {
		t.Parallel()
		c := d.talk(t, client)
		line := 0
		for begun := time.Now(); time.Since(begun) < time.Second+doors.AnswerTimeout+time.Second; { // beyond all of the server's limits
			line++
			c.say("{}\n")
			c.wantAnswer(fmt.Sprint(line, " 403"))
		}
		// It ends when nothing more is sent, and what was begun is not taken for a document.
		c.say(learner(named(t, "torn"), "Jane"))
		c.wantAnswer(fmt.Sprint(line+1, " 503"))
		c.wantEnd()
		if a := d.get(named(t, "torn")); a.status != http.StatusNotFound {
			t.Errorf("GET = %d %s, want 404", a.status, a.body)
		}
	})
}

func TestWhoReadsNoAnswersIsCutOff(t *testing.T) {
	d := open(t, unpaced, func(o *Options) { o.Limits.ReadTimeout = time.Second })
	protocols(t, func(t *testing.T, client *http.Client) {
		t.Parallel()
		c := d.talk(t, client)
		lines := strings.Repeat("{}\n", 1000)
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c.lines, lines)
		}
	})
}

// However many lines there are, and however slowly their answers are read, they cost no more memory than a few.
func TestLinesThatWaitForTheirAnswersToBeReadAreNotKept(t *testing.T) {
	d := open(t, unpaced)
	protocols(t, func(t *testing.T, client *http.Client) {
		const count = 100_000
		before := inUse()
		c := d.talk(t, client)
		var said atomic.Int64
		var sending sync.WaitGroup
		sending.Go(func() {
			batch := strings.Repeat("{}"+strings.Repeat(" ", 150)+"\n", 100)
			for range count / 100 {
				if _, err := io.WriteString(c.lines, batch); err != nil {
					t.Error(err)
					return
				}
				said.Add(100)
			}
			_ = c.lines.Close()
		})
		// The sender has to wait, as nobody reads.
		last, since := int64(-1), time.Now()
		eventually(t, "the sender waits", func() bool {
			if now := said.Load(); now != last {
				last, since = now, time.Now()
			}
			return last > 0 && time.Since(since) > time.Second
		})
		if last == count {
			t.Error("all lines were taken before an answer was read")
		}
		check := func(when string) {
			d.logs.forget() // a line for each
			if grown := inUse() - before; grown > 32<<20 {
				t.Errorf("%s: %d MiB more are in use", when, grown>>20)
			}
		}
		check("while nobody reads")
		c.wantAnswer("1 403")
		for i := 2; i <= count; i++ {
			line, err := c.answers.ReadString('\n')
			must(t, err)
			if !strings.HasPrefix(line, fmt.Sprintf(`{"line":%d,"status":403,`, i)) {
				t.Fatalf("answer %d is %s", i, line)
			}
			if i == count/2 {
				check("in the middle")
			}
		}
		c.wantEnd()
		sending.Wait()
		check("at the end")
	})
}

// inUse is how much memory the heap holds.
func inUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestAFewLinesAreWorkedOnAtOnce(t *testing.T) {
	d := open(t)
	var waiting, most atomic.Int64
	release := make(chan struct{})
	d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/contacts") {
			if now := waiting.Add(1); now > most.Load() {
				most.Store(now)
			}
			<-release
			waiting.Add(-1)
		}
		return next.RoundTrip(r)
	})
	go func() {
		eventually(t, "as many as there may be are under way", func() bool { return waiting.Load() == linesAtOnce })
		close(release)
	}()
	var lines strings.Builder
	for i := range 5 * linesAtOnce {
		lines.WriteString(learner(fmt.Sprint("many-", i), "Jane") + "\n")
	}
	for _, v := range d.bulk(lines.String()) {
		if v.Status != http.StatusCreated {
			t.Errorf("line %d = %d, want 201", v.Line, v.Status)
		}
	}
	if got := most.Load(); got != linesAtOnce {
		t.Errorf("%d lines were under way at once, want %d", got, linesAtOnce)
	}
}

// Nothing that was answered is lost with the connection, and sending all of it again is harmless.
func TestAfterALostConnectionAllOfItCanBeSentAgain(t *testing.T) {
	d := open(t)
	protocols(t, func(t *testing.T, client *http.Client) {
		const count, answered = 60, 10
		var lines []string
		for i := range count {
			lines = append(lines, learner(named(t, i), "Jane")+"\n")
		}
		c := d.talk(t, client)
		var sending sync.WaitGroup
		sending.Go(func() {
			for _, line := range lines {
				if _, err := io.WriteString(c.lines, line); err != nil {
					return // the connection is lost
				}
			}
			_, _ = io.WriteString(c.lines, learner(named(t, "torn"), "Jane"))
		})
		for i := range answered {
			c.wantAnswer(fmt.Sprint(i+1, " 201"))
		}
		c.hangUp()
		_ = c.lines.CloseWithError(context.Canceled)
		sending.Wait()
		for i := range answered {
			d.contact(names.Contact(named(t, i)))
		}

		for _, v := range d.bulk(strings.Join(lines, "")) {
			if want := v.Line <= answered; v.Status != http.StatusOK && (want || v.Status != http.StatusCreated) {
				t.Errorf("line %d again = %d", v.Line, v.Status)
			}
		}
		if a := d.get(named(t, "torn")); a.status != http.StatusNotFound {
			t.Errorf("GET = %d %s of a line that was cut off, want 404", a.status, a.body)
		}
	})
}

func TestABodyThatBreaksOffIsAnsweredAsFarAsItCame(t *testing.T) {
	d := open(t)
	lines := learner("one", "Jane") + "\n" + learner("two", "Jane") + "\n" + learner("torn", "Jane")
	for name, sent := range map[string]string{
		"cut off":       "Content-Length: 1000\r\n\r\n" + lines,
		"broken chunks": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nno length\r\n", len(lines), lines),
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := tls.Dial("tcp", d.Addr().String(), &tls.Config{InsecureSkipVerify: true})
			must(t, err)
			defer func() { _ = connection.Close() }()
			_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\n%s",
				bulkPath, d.token, sent)
			must(t, err)
			must(t, connection.CloseWrite())
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			must(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			must(t, err)
			got := verdicts(t, answer{response.StatusCode, response.Header, string(body)})
			if len(got) != 3 || got[0].Status >= 300 || got[1].Status >= 300 || got[2].Line != 3 || got[2].Status != http.StatusServiceUnavailable || got[2].RetryAfter != 5 {
				t.Errorf("the answers are %+v", got)
			}
		})
	}
	if a := d.get("torn"); a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s of a line that was cut off, want 404", a.status, a.body)
	}
}

func TestAnAPIServerThatFailsInTheMiddleFailsOnlyTheLinesThen(t *testing.T) {
	d := open(t)
	protocols(t, func(t *testing.T, client *http.Client) {
		c := d.talk(t, client)
		c.say(learner(named(t, 1), "Jane") + "\n")
		c.wantAnswer("1 201")
		d.wire.breakWith(func(http.RoundTripper, *http.Request) (*http.Response, error) {
			return nil, errors.New("connection refused")
		})
		c.say(learner(named(t, 2), "Jane") + "\n")
		got, err := c.answer()
		must(t, err)
		if got.Line != 2 || got.Status != http.StatusServiceUnavailable || got.RetryAfter != 5 || got.Type != "/problems/unavailable" {
			t.Errorf("without an API server: %+v", got)
		}
		d.wire.breakWith(nil)
		c.say(learner(named(t, 2), "Jane") + "\n")
		c.wantAnswer("3 201")
		must(t, c.lines.Close())
		c.wantEnd()
	})
}

// panicky panics when it is asked for some contact.
type panicky struct{ client.Client }

func (p panicky) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if _, ok := object.(*v1alpha1.Contact); ok && key.Name == "panic" {
		panic("oh")
	}
	return p.Client.Get(ctx, key, object, options...)
}

func TestAPanicIsTheAnswerToItsLine(t *testing.T) {
	d := open(t, func(o *Options) { o.Client = panicky{o.Client} })
	got := d.bulk(learner("calm", "Jane") + "\n" + learner("panic", "Jane") + "\n" + learner("panic", "Joan") + "\n" + learner("calm", "Jane") + "\n")
	wantStatuses(t, got, "1 201", "2 500", "3 500", "4 200")
	if !strings.Contains(d.logs.all(), "Recovered from a panic") {
		t.Error("the log does not tell")
	}
}

// A stream ends with the server, behind a line: what was begun is answered.
func TestTheEndOfTheServerEndsAStream(t *testing.T) {
	protocols(t, func(t *testing.T, client *http.Client) {
		d := open(t)
		c := d.talk(t, client)
		c.say(learner("first", "Jane") + "\n")
		c.wantAnswer("1 201")
		release := make(chan struct{})
		d.wire.breakWith(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				<-release
			}
			return next.RoundTrip(r)
		})
		before := d.wire.count("PUT contacts")
		c.say(learner("first", "Joan") + "\n" + learner("first", "June") + "\n")
		eventually(t, "a line is worked on", func() bool { return d.wire.count("PUT contacts") > before })
		c.say(learner("torn", "Jane"))
		d.stop()
		eventually(t, "the door knows that it ends", func() bool {
			select {
			case <-d.stopping:
				return true
			default:
				return false
			}
		})
		close(release)
		c.wantAnswer("2 200")
		for {
			got, err := c.answer()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if got.Line > 4 || got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Detail, "is stopping") {
				t.Errorf("the answer is %+v", got)
			}
		}
		if got := d.contact("first").Spec.FirstName; got != "Joan" {
			t.Errorf("%s is stored, want Joan", got)
		}
	})
}

func TestStreamsThroughTwoReplicasEndInTheNewest(t *testing.T) {
	d := open(t)
	replicas := []*door{d, d.replica(func(c client.Client) client.Client { return c })}
	const contacts, count = 4, 40
	var bodies [2]strings.Builder
	for i := range count {
		name, revision := revised(i)
		for contact := range contacts {
			bodies[i%2].WriteString(withRevision(revision, learner(fmt.Sprint("two-", contact), name)) + "\n")
		}
	}
	var streams sync.WaitGroup
	for i, replica := range replicas {
		streams.Go(func() {
			a, err := replica.try(bulkRequest(bodies[i].String()))
			if err != nil {
				t.Error(err)
				return
			}
			for line := range strings.Lines(a.body) {
				switch v := verdictIn(t, line); v.Status {
				case http.StatusOK, http.StatusCreated, http.StatusPreconditionFailed:
				case http.StatusServiceUnavailable: // the other changed it too often meanwhile
				default:
					t.Errorf("the answer is %s", line)
				}
			}
		})
	}
	streams.Wait()
	d.bulk(bodies[(count-1)%2].String()) // who was told 503 sends again
	newest, _ := revised(count - 1)
	for contact := range contacts {
		if got := d.contact(fmt.Sprint("two-", contact)).Spec.FirstName; got != newest {
			t.Errorf("%s is stored, want %s", got, newest)
		}
	}
}

func TestLinesBeyondTheRateWait(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.CallerRate, o.Limits.CallerBurst = 100, 1 })
	const count = 30
	begun := time.Now()
	got := d.bulk(strings.Repeat("{}\n", count))
	if took := time.Since(begun); took < (count-1)*time.Second/100 {
		t.Errorf("%d lines took %v at 100 per second", count, took)
	}
	for _, v := range got {
		if v.Status != http.StatusForbidden || v.Type != "/problems/attribute-invalid" {
			t.Errorf("line %d = %d %s", v.Line, v.Status, v.Type)
		}
	}
	if len(got) != count {
		t.Errorf("%d answers, want %d", len(got), count)
	}
}

func TestBulkRequestsBeyondThoseInFlightAreRefusedAtOnce(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.MaxBulkInFlight = 1 })
	protocols(t, func(t *testing.T, client *http.Client) {
		c := d.talk(t, client)
		c.say("{}\n")
		c.wantAnswer("1 403")
		a := d.send(bulkRequest("{}\n"))
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || a.problem(t).Type != "/problems/overloaded" {
			t.Errorf("a second stream = %d %s, want 503", a.status, a.body)
		}
		if a := d.put(named(t, 1), learner(named(t, 1), "Jane")); a.status != http.StatusCreated {
			t.Errorf("PUT = %d %s beside a stream, want 201", a.status, a.body)
		}
		must(t, c.lines.Close())
		c.wantEnd()
		eventually(t, "there is room again", func() bool { return d.send(bulkRequest("{}\n")).status == http.StatusOK })
	})
}
