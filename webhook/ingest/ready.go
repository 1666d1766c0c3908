package ingest

import (
	"errors"
	"net/http"
)

// Ready says whether documents are taken: a check for /readyz.
func (s *Server) Ready(*http.Request) error {
	if !s.synced.Load() {
		return errors.New("the cache is not filled yet")
	}
	return nil
}
