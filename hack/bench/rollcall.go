package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	certutil "k8s.io/client-go/util/cert"

	"rollcall.dev/rollcall/internal/testenv/child"
)

const startTimeout = time.Minute

// build makes the program as it is shipped.
func build(ctx context.Context, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-tags", "timetzdata", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build rollcall: %w\n%s", err, output)
	}
	return nil
}

// site is a namespace that Rollcall takes documents into, and what it and the back office need for that.
type site struct {
	namespace, folder, token string
	roots                    *x509.CertPool
}

func (b *bench) newSite(ctx context.Context, namespace string) (*site, error) {
	s := &site{namespace: namespace, folder: filepath.Join(b.folder, namespace)}
	if err := os.Mkdir(s.folder, 0o700); err != nil {
		return nil, err
	}
	var err error
	if s.token, err = b.admitBackOffice(ctx, namespace); err != nil {
		return nil, err
	}
	if s.roots, err = writeCertificate(s.folder); err != nil {
		return nil, err
	}
	return s, writeKubeconfig(b.operator, filepath.Join(s.folder, "kubeconfig"))
}

// replicated are the flags of a Rollcall that shares its work with other replicas.
var replicated = []string{"--leader-elect", "--leader-election-namespace=" + operatorNamespace}

// withRollcall runs Rollcall in a process of its own as long as use takes; ready is the time that it took to take documents.
func (b *bench) withRollcall(ctx context.Context, s *site, flags []string, use func(ctx context.Context, office *backOffice, ready time.Duration) error) error {
	ingest, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	probes, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	running, err := child.Start(filepath.Join(s.folder, "rollcall.log"), b.program, append([]string{
		"--kubeconfig=" + filepath.Join(s.folder, "kubeconfig"),
		"--ingest-bind-address=" + ingest,
		"--ingest-cert-dir=" + s.folder,
		"--ingest-namespace=" + s.namespace,
		"--ingest-caller-rate=1000000", // one caller sends all it can
		"--ingest-caller-burst=1000000",
		"--ingest-max-in-flight=1000000",
		"--ingest-max-bulk-in-flight=1000",
		"--health-probe-bind-address=" + probes,
	}, flags...)...)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		<-running.Ended()
		end(running.Death())
	}()
	defer func() {
		end(nil)
		running.Stop()
	}()
	if err = waitForAnswer(ctx, "http://"+probes+"/readyz"); err == nil {
		ready := time.Since(start)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}, MaxIdleConnsPerHost: slices.Max(b.clients)}
		defer transport.CloseIdleConnections()
		err = use(ctx, &backOffice{http: &http.Client{Transport: transport}, url: "https://" + ingest, token: s.token}, ready)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // says more than what failed because of it
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
