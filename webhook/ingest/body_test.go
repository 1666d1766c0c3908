package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

func packed(t testing.TB, body string) string {
	t.Helper()
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, err := io.WriteString(w, body)
	must(t, errors.Join(err, w.Close()))
	return buffer.String()
}

// wrongly are bodies that say that they are gzip.
func wrongly(t testing.TB, body string) map[string]string {
	good := packed(t, body)
	checksum := len(good) - 8
	return map[string]string{
		"not packed":    body,
		"cut off":       good[:checksum-1],
		"no checksum":   good[:checksum],
		"bad checksum":  good[:checksum] + "\x00\x00\x00\x00" + good[checksum+4:],
		"more behind":   good + body,
		"damaged":       good[:20] + "\xff\xff\xff\xff" + good[24:],
		"not gzip, but": "\x1f\x8b",
	}
}

func TestAPackedDocumentIsTaken(t *testing.T) {
	d := open(t)
	document := learner("packed", "Jane")
	for _, step := range []struct {
		body, encoding string
		status         int
	}{
		{packed(t, document), "gzip", 201},
		{document, "identity", 200},
		{packed(t, document[:20]) + packed(t, document[20:]), "GZIP", 200}, // as gzip may be
	} {
		if a := d.putWith("packed", step.body, "Content-Encoding", step.encoding); a.status != step.status {
			t.Errorf("PUT as %s = %d %s, want %d", step.encoding, a.status, a.body, step.status)
		}
	}
	for name, body := range wrongly(t, learner("packed", "Joan")) {
		a := d.putWith("packed", body, "Content-Encoding", "gzip")
		if a.status != http.StatusBadRequest || a.problem(t).Type != "/problems/bad-request" || a.problem(t).Errors[0].Header != "Content-Encoding" {
			t.Errorf("%s: PUT = %d %s, want 400", name, a.status, a.body)
		}
	}
	if got := d.contact("packed").Spec.FirstName; got != "Jane" {
		t.Errorf("%s is stored, want Jane", got)
	}
}

func TestPackedLinesAreTakenAsFarAsTheyAreWhole(t *testing.T) {
	d := open(t)
	lines := learner("one", "Jane") + "\n" + learner("two", "Jane") + "\n"
	wantStatuses(t, d.bulk(packed(t, lines), "Content-Encoding", "gzip"), "1 201", "2 201")
	for name, body := range wrongly(t, lines+learner("three", "Jane")) {
		got := d.bulk(body, "Content-Encoding", "gzip")
		last := got[len(got)-1]
		if last.Line > 4 || last.Status != http.StatusBadRequest || last.Type != "/problems/bad-request" || last.Errors[0].Header != "Content-Encoding" {
			t.Errorf("%s: the last line is %+v", name, last)
		}
		for _, v := range got[:len(got)-1] {
			if v.Status != http.StatusOK {
				t.Errorf("%s: line %d = %d, want 200", name, v.Line, v.Status)
			}
		}
	}
	if a := d.get("three"); a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s of a line that did not arrive whole", a.status, a.body)
	}
}

// What is small on the wire and large when it is unpacked costs no memory.
func TestABombIsRefusedAndCostsNoMemory(t *testing.T) {
	const size = 32 << 20
	d := open(t, func(o *Options) { o.Limits.BulkBytes = size })
	bomb := packed(t, learner("bomb", "Jane")+strings.Repeat(" ", size))
	tail := packed(t, "{}\n"+strings.Repeat("\n", size))

	d.putWith("bomb", "{}")
	d.bulk("{}") // what is made once, for the first requests, is there now
	before := allocated()
	if a := d.putWith("bomb", bomb, "Content-Encoding", "gzip"); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("PUT = %d %s, want 413", a.status, a.body)
	}
	wantStatuses(t, d.bulk(bomb, "Content-Encoding", "gzip"), "1 413")
	wantStatuses(t, d.bulk(tail, "Content-Encoding", "gzip"), "1 403", fmt.Sprint(size-1, " 413"))
	if used := allocated() - before; used > size/2 {
		t.Errorf("%d MiB were allocated for it", used>>20)
	}
	if a := d.get("bomb"); a.status != http.StatusNotFound {
		t.Errorf("GET = %d %s, want that nothing was stored", a.status, a.body)
	}
}

// allocated is how much memory was ever allocated.
func allocated() int64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.TotalAlloc)
}
