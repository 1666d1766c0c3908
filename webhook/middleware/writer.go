package middleware

import "net/http"

// watch serves a request, and tells the status of the answer: 0 when the connection was cut before there was one.
func watch(next http.Handler, w http.ResponseWriter, r *http.Request, tell func(status int)) {
	answer := &watchedWriter{ResponseWriter: w}
	defer func() { tell(answer.status) }()
	next.ServeHTTP(answer, r)
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
}

// watchedWriter knows the status of an answer.
type watchedWriter struct {
	http.ResponseWriter
	// status is 0 until the answer begins.
	status int
}

// WriteHeader begins the answer, unless the status is one that goes before the answer.
func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer, if WriteHeader has not.
func (w *watchedWriter) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(body)
}

// Unwrap gives http.ResponseController what is below.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
