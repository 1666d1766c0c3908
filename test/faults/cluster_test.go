package faults

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/testenv"
)

const (
	// patience is how long a test waits for what has to happen, on a slow machine that does other work.
	patience = 5 * time.Minute
	// restartPause is what passes before a program that ended is started again.
	restartPause = 200 * time.Millisecond
	adminToken   = "administrator"
)

// cluster is etcd, kube-apiserver and replicas of Rollcall, each a process that can be killed and comes back with the data
// that it had.
//
// Unlike the control plane of the other tests, etcd syncs its log before it answers. Still, "kill -9" takes a process's
// memory and not what the kernel has of its files: what is shown is that no process acknowledges what it only holds in
// memory. The end of the machine would show more; there we trust etcd's sync.
type cluster struct {
	client.Client // as administrator, past Rollcall
	t             testing.TB
	folder, logs  string
	assets        string
	program       string // rollcall
	etcd          *unit
	apiServer     *unit
	replicas      []*replica
	balancer      *balancer
	roots         *x509.CertPool // of the door's certificate
	token         string         // of the back office
	admin         *rest.Config
}

// replica is a process of Rollcall.
type replica struct {
	*unit
	door, probes string
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // that of the client
	os.Exit(m.Run())
}

// startCluster starts everything but Rollcall.
func startCluster(t testing.TB) *cluster {
	t.Helper()
	folder := t.TempDir()
	c := &cluster{t: t, folder: folder, logs: t.ArtifactDir(), program: filepath.Join(folder, "rollcall"), balancer: startBalancer(t)}
	var err error
	c.assets, err = testenv.Assets()
	must(t, err)
	built := make(chan error, 1)
	go func() { built <- build(c.program) }()
	c.startEtcd()
	c.startAPIServer()
	c.install()
	must(t, <-built)
	return c
}

func build(program string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, "rollcall.dev/rollcall")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build rollcall: %w\n%s", err, output)
	}
	return nil
}

func (c *cluster) startEtcd() {
	clients, peers := "http://"+freeAddress(c.t), "http://"+freeAddress(c.t)
	c.etcd = c.run("etcd", filepath.Join(c.assets, "etcd"),
		"--data-dir="+filepath.Join(c.folder, "etcd"),
		"--listen-client-urls="+clients, "--advertise-client-urls="+clients,
		"--listen-peer-urls="+peers,
		"--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers,
	)
}

func (c *cluster) startAPIServer() {
	address := freeAddress(c.t)
	_, port, _ := net.SplitHostPort(address)
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	must(c.t, err)
	encoded, err := keyutil.MarshalPrivateKeyToPEM(key)
	must(c.t, err)
	keyFile, tokens, certificates := filepath.Join(c.folder, "sa.key"), filepath.Join(c.folder, "tokens.csv"), filepath.Join(c.folder, "apiserver")
	must(c.t, os.WriteFile(keyFile, encoded, 0o600))
	must(c.t, os.WriteFile(tokens, []byte(adminToken+",administrator,1,system:masters\n"), 0o600))

	c.apiServer = c.run("kube-apiserver", filepath.Join(c.assets, "kube-apiserver"),
		"--etcd-servers="+strings.TrimPrefix(c.etcd.args[1], "--listen-client-urls="),
		"--bind-address=127.0.0.1", "--secure-port="+port,
		"--cert-dir="+certificates, // it makes its certificate itself, and finds it there the next time
		"--authorization-mode=RBAC",
		"--token-auth-file="+tokens,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+keyFile,
		"--service-account-signing-key-file="+keyFile,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none", "--advertise-address=127.0.0.1", // else it looks for a default route
	)
	certificate := filepath.Join(certificates, "apiserver.crt")
	eventually(c.t, "kube-apiserver has a certificate", func() error {
		_, err := certutil.CertsFromFile(certificate)
		return err
	})
	c.admin = &rest.Config{Host: "https://" + address, BearerToken: adminToken, TLSClientConfig: rest.TLSClientConfig{CAFile: certificate}, QPS: -1}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	eventually(c.t, "kube-apiserver answers", func() error {
		c.Client, err = client.New(c.admin, client.Options{Scheme: scheme})
		return err
	})
	c.waitForAPIServer()
}

// waitForAPIServer waits until kube-apiserver is ready, which it is not without etcd.
func (c *cluster) waitForAPIServer() {
	c.t.Helper()
	transport, err := rest.TransportFor(c.admin)
	must(c.t, err)
	eventually(c.t, "kube-apiserver is ready", func() error {
		return ready(&http.Client{Transport: transport}, c.admin.Host+"/readyz")
	})
}

// install does what an administrator does: the kinds, the permissions, the courses, and credentials.
func (c *cluster) install() {
	c.kubeconfig("administrator", adminToken)
	apply := exec.Command(filepath.Join(c.assets, "kubectl"), "--kubeconfig="+filepath.Join(c.folder, "administrator.kubeconfig"),
		"apply", "--server-side", "-k", "testdata")
	if output, err := apply.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %v\n%s", apply, err, output)
	}
	for _, code := range courses {
		course := &v1alpha1.Course{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: strings.ToLower(code)},
			Spec:       v1alpha1.CourseSpec{CourseCode: code, CourseKey: "course-v1:GK+" + code + "+2017"},
		}
		eventually(c.t, "there can be courses", func() error { return c.Create(context.Background(), course) })
	}
	c.token = c.tokenOf("default", "back-office")
	c.kubeconfig("rollcall", c.tokenOf("rollcall-system", "rollcall-manager"))

	certificate, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	must(c.t, err)
	must(c.t, os.WriteFile(filepath.Join(c.folder, "tls.crt"), certificate, 0o600))
	must(c.t, os.WriteFile(filepath.Join(c.folder, "tls.key"), key, 0o600))
	c.roots = x509.NewCertPool()
	c.roots.AppendCertsFromPEM(certificate)
}

// tokenOf gives a token of a service account.
func (c *cluster) tokenOf(namespace, name string) string {
	c.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(24 * 60 * 60))}}
	must(c.t, c.SubResource("token").Create(context.Background(), account, request))
	return request.Status.Token
}

// kubeconfig writes the file with which somebody reaches the API server.
func (c *cluster) kubeconfig(name, token string) {
	c.t.Helper()
	must(c.t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: c.admin.Host, CertificateAuthority: c.admin.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, filepath.Join(c.folder, name+".kubeconfig")))
}

// runReplicas ends the replicas that run, and starts as many new ones as wanted. Several elect a leader.
func (c *cluster) runReplicas(count int) {
	c.t.Helper()
	for _, r := range c.replicas {
		r.end()
	}
	c.replicas = nil
	var doors []string
	for i := range count {
		door, probes := freeAddress(c.t), freeAddress(c.t)
		c.replicas = append(c.replicas, &replica{door: door, probes: "http://" + probes + "/readyz", unit: c.run(
			fmt.Sprintf("rollcall-%d", i+1), c.program,
			"--kubeconfig="+filepath.Join(c.folder, "rollcall.kubeconfig"),
			"--ingest-bind-address="+door,
			"--ingest-cert-dir="+c.folder,
			"--health-probe-bind-address="+probes,
			// One caller sends all it can.
			"--ingest-caller-rate=1000000", "--ingest-caller-burst=1000000", "--ingest-max-bulk-in-flight=1000",
			"--leader-elect="+strconv.FormatBool(count > 1),
			"--leader-election-namespace=rollcall-system",
		)})
		doors = append(doors, door)
	}
	c.balancer.to(doors)
	c.waitForReplicas()
}

// waitForReplicas waits until every replica says that it is ready.
func (c *cluster) waitForReplicas() {
	c.t.Helper()
	for _, r := range c.replicas {
		eventually(c.t, r.name+" is ready", func() error { return ready(http.DefaultClient, r.probes) })
	}
}

// run keeps a program running until the test ends.
func (c *cluster) run(name, program string, args ...string) *unit {
	c.t.Helper()
	u := &unit{name: name, program: program, args: args, log: filepath.Join(c.logs, name+".log"), pause: restartPause}
	must(c.t, u.begin())
	c.t.Cleanup(u.end)
	return u
}

// transport makes connections to the doors, by way of the balancer.
func (c *cluster) transport() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.roots}}
}

func ready(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// lastPort is the last one that freeAddress tried: none is given twice.
var lastPort = 10_000 + rand.N(10_000)

// freeAddress finds a free port on loopback, below those that the kernel gives to outgoing connections: else one of them
// could take it while its owner is down.
func freeAddress(t testing.TB) string {
	t.Helper()
	for lastPort < 30_000 {
		lastPort++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lastPort))
		if listener, err := net.Listen("tcp", address); err == nil {
			must(t, listener.Close())
			return address
		}
	}
	t.Fatal("no port is free on loopback")
	return ""
}

func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := check()
		if err == nil {
			return
		}
		if t.Failed() { // then there is nothing to wait for
			t.FailNow()
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: after %v it is still not so: %v", what, patience, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
