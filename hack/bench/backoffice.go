package main

import (
	"bufio"
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

// bulk sends documents in one stream and checks the status of each answer, while it sends.
func (o *backOffice) bulk(ctx context.Context, documents []document, want int) error {
	body, sender := io.Pipe()
	defer body.Close() //nolint:errcheck // it gives none
	go func() {
		lines := bufio.NewWriterSize(sender, 32<<10)
		encoder := json.NewEncoder(lines)
		for _, d := range documents {
			if encoder.Encode(map[string]any{"Contact": d}) != nil {
				break // as the body is closed
			}
		}
		sender.CloseWithError(lines.Flush())
	}()
	response, err := o.send(ctx, http.MethodPost, "/gk/api/contacts/", "application/x-ndjson", body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answers := json.NewDecoder(response.Body)
	for i := range documents {
		var answer struct {
			ContactID, Detail string
			Status            int
		}
		if err := answers.Decode(&answer); err != nil {
			return fmt.Errorf("bulk was answered %s, with %d lines for %d: %w", response.Status, i, len(documents), err)
		}
		if answer.Status != want {
			return fmt.Errorf("the document of %s in bulk was answered %d, not %d: %s", answer.ContactID, answer.Status, want, answer.Detail)
		}
	}
	return nil
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
