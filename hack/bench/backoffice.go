package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const requestTimeout = 30 * time.Second

// backOffice sends documents to a running Rollcall.
type backOffice struct {
	http       *http.Client
	url, token string
}

// put sends a document and checks the status of the answer.
func (o *backOffice) put(ctx context.Context, d document, want int) error {
	body, err := json.Marshal(map[string]any{"Contact": d})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	response, err := o.send(ctx, http.MethodPut, "/gk/api/contacts/"+d.ContactID+"/enrollments/", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("PUT of %s was answered %s, not %d: %s", d.ContactID, response.Status, want, answer)
	}
	return err
}

func (o *backOffice) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, o.url+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", contentType)
	return o.http.Do(request)
}
