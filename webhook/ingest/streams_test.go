package ingest

import (
	"io"
	"net/http"
	"testing"
	"time"

	"rollcall.dev/rollcall/webhook/doors"
)

// A caller without any permission may begin a stream, as permissions are asked for with each line, but not hold all of them.
func TestOneCallerCannotHoldAllStreams(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.MaxBulkInFlight = 4 })
	writer := d.token
	d.token = d.issue("stranger")
	stranger := d.talk(t, insecure)
	stranger.say(learner("anna", "Anna") + "\n")
	stranger.wantAnswer("1 403")

	again := d.send(bulkRequest("{}\n"))
	if again.status != http.StatusTooManyRequests || again.header.Get("Retry-After") != "5" || again.problem(t).Type != "/problems/too-many-requests" {
		t.Errorf("a second stream of the caller = %d %v %s, want 429", again.status, again.header, again.body)
	}
	d.token = writer
	wantStatuses(t, d.bulk(learner("anna", "Anna")), "1 201")

	must(t, stranger.lines.Close())
	stranger.wantEnd()
	eventually(t, "the stream has ended", func() bool {
		end, begun := d.streams.begin("system:serviceaccount:" + d.namespace + ":stranger")
		if begun {
			end()
		}
		return begun
	})
}

func TestAStreamHoldsUpNothingElseOfItsCaller(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.CallerRate, o.Limits.CallerBurst = 1, 5 })
	c := d.talk(t, insecure)
	go func() { // more than the burst: what comes next waits
		for range 20 {
			if _, err := c.lines.Write([]byte("{}\n")); err != nil {
				return
			}
		}
	}()
	for range 5 {
		answered, err := c.answer()
		must(t, err)
		if answered.Status != http.StatusForbidden {
			t.Errorf("the answer is %+v", answered)
		}
	}
	if a := d.put("anna", learner("anna", "Anna")); a.status != http.StatusCreated {
		t.Errorf("PUT beside a stream that is at its rate = %d %s, want 201", a.status, a.body)
	}
}

// Who sends a line only when the one before is answered does not pay for the time that the answer takes.
func TestTimeDoesNotCountWhileAnAnswerIsOwed(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.ReadTimeout, o.Limits.RequestTimeout = time.Second, 20*time.Second })
	protocols(t, func(t *testing.T, client *http.Client) {
		c := d.talk(t, client)
		held, release := d.wire.hold("POST", "/contacts")
		c.say(learner(named(t, 1), "Jane") + "\n")
		<-held
		<-time.NewTimer(3 * d.limits.ReadTimeout / 2).C // the API server takes its time
		close(release)
		c.wantAnswer("1 201")
		c.say(learner(named(t, 2), "Jane") + "\n")
		c.wantAnswer("2 201")
		must(t, c.lines.Close())
		c.wantEnd()
	})
}

// The time in which a body arrives is not taken from the work on it.
func TestABodyMayTakeLongerThanTheWork(t *testing.T) {
	d := open(t, func(o *Options) { o.Limits.ReadTimeout, o.Limits.RequestTimeout = 20*time.Second, time.Second })
	protocols(t, func(t *testing.T, client *http.Client) {
		document := learner(named(t, 1), "Jane")
		body, more := io.Pipe()
		go func() {
			_, _ = io.WriteString(more, document[:10])
			<-time.NewTimer(d.limits.RequestTimeout + doors.AnswerTimeout + time.Second).C // beyond what the work and its answer may take
			_, _ = io.WriteString(more, document[10:])
			_ = more.Close()
		}()
		r, err := http.NewRequest(http.MethodPut, "https://"+d.Addr().String()+pathOf(named(t, 1)), body)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+d.token)
		r.Header.Set("Content-Type", "application/json")
		response, err := client.Do(r)
		must(t, err)
		defer response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			t.Errorf("PUT = %d, want 201", response.StatusCode)
		}
	})
}
