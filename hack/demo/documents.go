package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const documents = "config/samples/documents"

// put is how a back office sends a document; the words in capitals come from the file env. A proxy, which curl would use
// for loopback too, cannot reach it.
const put = `curl -sS --noproxy '*' --cacert "$ROLLCALL_CA" -H "Authorization: Bearer $ROLLCALL_TOKEN" -H 'Content-Type: application/json' \
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
		answer, err := d.send(ctx, file, contactID)
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

// send shows how a document is sent with curl, and does it. Where there is no curl the demo sends it itself.
func (d *demo) send(ctx context.Context, file, contactID string) (answer string, err error) {
	line := fmt.Sprintf(put, file, contactID)
	if _, err := exec.LookPath("curl"); err == nil {
		return d.show(ctx, line)
	}
	document, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	ca, err := os.ReadFile(d.environment.get("ROLLCALL_CA"))
	if err != nil {
		return "", err
	}
	url := d.environment.get("ROLLCALL_INGEST_URL") + "/gk/api/contacts/" + contactID + "/enrollments/"
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(document))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+d.environment.get("ROLLCALL_TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	answer = fmt.Sprintf("%s\nHTTP %d", body, response.StatusCode)
	fmt.Printf("$ %s\n%s\n", line, answer)
	return answer, err
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
