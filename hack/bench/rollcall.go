package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	certutil "k8s.io/client-go/util/cert"
)

const (
	startTimeout = time.Minute
	// stopGrace is how long Rollcall may take to end; it lets every request that has begun end.
	stopGrace      = 20 * time.Second
	requestTimeout = 30 * time.Second
)

// build makes the program as it is shipped.
func build(ctx context.Context, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-tags", "timetzdata", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build rollcall: %w\n%s", err, output)
	}
	return nil
}

// backOffice sends documents to a running Rollcall.
type backOffice struct {
	http       *http.Client
	url, token string
}

// withRollcall runs Rollcall in a process of its own, with its ingest on a namespace that it makes, as long as use takes.
func (b *bench) withRollcall(ctx context.Context, namespace string, use func(context.Context, *backOffice) error) error {
	folder := filepath.Join(b.folder, namespace)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	token, err := b.admitBackOffice(ctx, namespace)
	if err != nil {
		return err
	}
	roots, err := writeCertificate(folder)
	if err != nil {
		return err
	}
	if err := writeKubeconfig(b.operator, filepath.Join(folder, "kubeconfig")); err != nil {
		return err
	}
	ingest, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	probes, err := freeAddress(ctx)
	if err != nil {
		return err
	}

	ctx, end := context.WithCancelCause(ctx)
	ended, err := startChild(ctx, end, filepath.Join(folder, "rollcall.log"), b.program,
		"--kubeconfig="+filepath.Join(folder, "kubeconfig"),
		"--ingest-bind-address="+ingest,
		"--ingest-cert-dir="+folder,
		"--ingest-namespace="+namespace,
		"--ingest-caller-rate=1000000", // one caller sends all it can
		"--ingest-caller-burst=1000000",
		"--health-probe-bind-address="+probes,
	)
	if err != nil {
		return err
	}
	defer func() {
		end(nil)
		<-ended
	}()
	if err = waitForAnswer(ctx, "http://"+probes+"/readyz"); err == nil {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: b.concurrency}
		defer transport.CloseIdleConnections()
		err = use(ctx, &backOffice{http: &http.Client{Transport: transport, Timeout: requestTimeout}, url: "https://" + ingest, token: token})
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // says more than what failed because of it
	}
	return err
}

// startChild starts a program that ends with the context; if it ends before, that is the end of the context.
func startChild(ctx context.Context, end context.CancelCauseFunc, log, program string, args ...string) (ended chan struct{}, err error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer output.Close() //nolint:errcheck // the child has its own descriptor
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		err := cmd.Wait()
		end(fmt.Errorf("%s ended by itself: %w; the end of its log:\n%s", filepath.Base(program), err, tail(log, 15)))
	}()
	return ended, nil
}

// tail gives the last lines of a file.
func tail(path string, lines int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// put sends a document and checks the status of the answer.
func (o *backOffice) put(ctx context.Context, d document, want int) error {
	body, err := json.Marshal(map[string]any{"Contact": d})
	if err != nil {
		return err
	}
	url := o.url + "/gk/api/contacts/" + d.ContactID + "/enrollments/"
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := o.http.Do(request)
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

func writeCertificate(folder string) (*x509.CertPool, error) {
	certificate, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return roots, errors.Join(
		os.WriteFile(filepath.Join(folder, "tls.crt"), certificate, 0o600),
		os.WriteFile(filepath.Join(folder, "tls.key"), key, 0o600),
	)
}

func writeKubeconfig(config *rest.Config, path string) error {
	const name = "bench"
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {Token: config.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, path)
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func waitForAnswer(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return err
			}
			err = errors.Join(err, errors.New(response.Status))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
