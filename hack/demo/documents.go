package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const documents = "config/samples/documents"

// put is how a back office sends a document; the words in capitals come from the file env.
const put = `curl -sS --cacert "$ROLLCALL_CA" -H "Authorization: Bearer $ROLLCALL_TOKEN" -H 'Content-Type: application/json' \
    -X PUT --data @%s "$ROLLCALL_INGEST_URL/gk/api/contacts/%s/enrollments/" -w '\nHTTP %%{http_code}\n'`

// sendDocuments does what the back office does: one PUT for each learner.
func (d *demo) sendDocuments(ctx context.Context) error {
	files, err := filepath.Glob(documents + "/*.json")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no documents in %s", documents)
	}
	for _, file := range files {
		contactID, err := contactID(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		answer, err := d.show(ctx, fmt.Sprintf(put, file, contactID))
		if err != nil {
			return err
		}
		switch status := answer[strings.LastIndex(answer, "HTTP "):]; strings.TrimSpace(status) {
		case "HTTP 201", "HTTP 200", "HTTP 409": // 409: stored, although a part of it conflicts
		default:
			return fmt.Errorf("%s was refused", file)
		}
	}
	return nil
}

// contactID reads whose document it is.
func contactID(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var document struct{ Contact struct{ ContactID string } }
	if err := json.Unmarshal(content, &document); err != nil {
		return "", err
	}
	return document.Contact.ContactID, nil
}
