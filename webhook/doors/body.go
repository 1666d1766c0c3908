package doors

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"rollcall.dev/rollcall/webhook/problem"
)

// ReadBody gives the body of a request that says it is JSON.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := OpenBody(r, "application/json", limit)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

// OpenBody gives a reader of a request's body, unpacked. Neither as it comes nor unpacked may it be longer than the limit.
// What goes wrong while it is read is returned by the reader as the problem to answer.
func OpenBody(r *http.Request, mediaType string, limit int64) (io.Reader, error) {
	sent, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || sent != mediaType || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, problem.UnsupportedMediaType("Send JSON in UTF-8: Content-Type: " + mediaType + ".")
	}
	if r.ContentLength > limit {
		return nil, problem.TooLarge("body", limit)
	}
	packed := explained(http.MaxBytesReader(nil, r.Body, limit), func(err error) *problem.Problem {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return problem.TooLarge("body", limit)
		}
		// It is too slow, cut off, or not of the length that was announced.
		return problem.Unavailable("The request's body did not arrive whole. Send again what is not acknowledged.", RetryAfter)
	})
	switch strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ",")) {
	case "", "identity":
		return packed, nil
	case "gzip":
		unpacked := explained(&gunzip{packed: packed}, func(error) *problem.Problem { return notGzip() })
		return explained(http.MaxBytesReader(nil, io.NopCloser(unpacked), limit), func(error) *problem.Problem {
			return problem.TooLarge("unpacked body", limit)
		}), nil
	default:
		unsupported := problem.UnsupportedMediaType("Send the body as it is, or packed once: Content-Encoding: gzip.")
		unsupported.Header = http.Header{"Accept-Encoding": {"gzip, identity"}}
		return nil, unsupported
	}
}

// gunzip unpacks. Its header is not read before the first byte is wanted.
type gunzip struct {
	packed io.Reader
	reader *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.reader == nil {
		reader, err := gzip.NewReader(g.packed)
		if err != nil {
			return 0, err
		}
		g.reader = reader
	}
	return g.reader.Read(p)
}

// explained makes problems of a reader's errors; those that are problems already stay as they are.
func explained(reader io.Reader, explain func(error) *problem.Problem) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		n, err := reader.Read(p)
		if err == nil || errors.Is(err, io.EOF) {
			return n, err
		}
		if _, known := errors.AsType[*problem.Problem](err); known {
			return n, err
		}
		return n, explain(err)
	})
}

// notGzip says that a body is not what its header says.
func notGzip() *problem.Problem {
	found := problem.BadRequest(problem.Error{Header: "Content-Encoding", Reason: problem.ReasonInconsistent,
		Detail: "The body is not gzip, or is damaged."})
	found.Detail = "Send again what is not acknowledged, packed well or not at all."
	return found
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
