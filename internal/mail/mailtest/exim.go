// Package mailtest holds mail servers for tests: Debian's exim, which is as strict as a real one, and one that fails as a
// test wants it.
package mailtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	certutil "k8s.io/client-go/util/cert"

	"rollcall.dev/rollcall/internal/testenv"
)

const (
	// Domain is the one that Exim takes mail for, from those who have authenticated. Its recipient nobody does not exist.
	Domain = "acme.com"
	// Username and Password are what Exim takes.
	Username, Password = "rollcall", "rollcall-mail-secret"
	// patience is how long a server has to start, and to do as it was told.
	patience = 30 * time.Second
	// eximUser is who Exim works as if the tests run as root, which it does not like to be.
	eximUser = 65534
)

// Exim is a running Exim.
type Exim struct {
	Host string
	// Port begins in plain text and offers STARTTLS; TLSPort begins with TLS.
	Port, TLSPort int
	// CA is the authority of its certificate, PEM.
	CA []byte

	tb   testing.TB
	home string
	stop func()
}

var eximConfiguration = template.Must(template.New("").Delims("<<", ">>").Parse(`
exim_path = <<.Program>>
keep_environment =
primary_hostname = mail.example.com
spool_directory = <<.Home>>/spool
log_file_path = <<.Home>>/log/%slog
pid_file_path = <<.Home>>/log/pid
local_interfaces = <; [127.0.0.1]:<<.Port>> ; [127.0.0.1]:<<.TLSPort>>
tls_on_connect_ports = <<.TLSPort>>
tls_advertise_hosts = *
tls_certificate = <<.Home>>/tls.crt
tls_privatekey = <<.Home>>/tls.key
deliver_drop_privilege
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = recipients
acl_smtp_data = contents
begin acl
recipients:
  deny message = authenticate first
       !authenticated = *
  deny message = no such user
       local_parts = nobody
  accept domains = <<.Domain>>
  deny message = relay not permitted
contents:
  require verify = header_syntax
  deny condition = ${if > {$max_received_linelength}{998}}
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = <<.Home>>/mail
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth2:$auth3}{<<.Username>>:<<.Password>>}}
  server_advertise_condition = ${if def:tls_in_cipher}
`))

// StartExim starts an Exim on loopback, for as long as the test runs.
func StartExim(tb testing.TB) *Exim {
	tb.Helper()
	e := &Exim{Host: "127.0.0.1", tb: tb}
	// Not in the test's own folder, which another user than root cannot enter.
	home, err := os.MkdirTemp("", "exim") //nolint:usetesting // See above.
	e.must(err)
	tb.Cleanup(func() { _ = os.RemoveAll(home) })
	e.must(os.Chmod(home, 0o755)) //nolint:gosec // Exim's user has to enter it.
	e.home = home
	for _, folder := range []string{"spool", "log", "mail"} {
		path := filepath.Join(home, folder)
		e.must(os.Mkdir(path, 0o700))
		if os.Getuid() == 0 {
			e.must(os.Chown(path, eximUser, eximUser))
		}
	}
	certificate, key, err := certutil.GenerateSelfSignedCertKey(e.Host, []net.IP{net.ParseIP(e.Host)}, nil)
	e.must(err)
	e.CA = certificate
	e.write("tls.crt", certificate)
	e.write("tls.key", key)
	uid, gid := eximUser, eximUser
	if os.Getuid() != 0 {
		uid, gid = os.Getuid(), os.Getgid()
	}
	e.write("passwd", fmt.Appendf(nil, "root:x:0:0::/:/bin/false\nDebian-exim:x:%d:%d::/:/bin/false\n", uid, gid))
	e.write("group", fmt.Appendf(nil, "root:x:0:\nDebian-exim:x:%d:\n", gid))
	e.Port, e.TLSPort = freePort(tb), freePort(tb)
	e.Start()
	tb.Cleanup(func() { e.Stop() })
	return e
}

// Start starts it again after a Stop, where it was.
func (e *Exim) Start() {
	e.tb.Helper()
	root, err := testenv.ModuleRoot()
	e.must(err)
	folder := filepath.Join(root, "bin", "exim")
	program := filepath.Join(folder, "exim4")
	if _, err := os.Stat(program); err != nil {
		e.tb.Fatalf("the test needs Debian's mail server: run \"make bin/exim/exim4\": %v", err)
	}
	var configuration strings.Builder
	e.must(eximConfiguration.Execute(&configuration, map[string]any{
		"Program": program, "Home": e.home, "Port": e.Port, "TLSPort": e.TLSPort, "Domain": Domain, "Username": Username, "Password": Password,
	}))
	e.write("exim.conf", []byte(configuration.String()))

	var output strings.Builder
	command := exec.Command(program, "-C", filepath.Join(e.home, "exim.conf"), "-bdf") //nolint:gosec,noctx // It ends by Stop.
	command.Env = []string{
		"LD_LIBRARY_PATH=" + folder, "LD_PRELOAD=libnss_wrapper.so",
		"NSS_WRAPPER_PASSWD=" + filepath.Join(e.home, "passwd"), "NSS_WRAPPER_GROUP=" + filepath.Join(e.home, "group"),
	}
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the processes that it starts
	e.must(command.Start())
	e.stop = func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		_ = command.Wait()
		e.stop = func() {}
	}
	for _, port := range []int{e.Port, e.TLSPort} {
		if err := poll(func() error {
			conn, err := net.Dial("tcp", net.JoinHostPort(e.Host, fmt.Sprint(port))) //nolint:noctx // It is on this machine.
			if err == nil {
				_ = conn.Close()
			}
			return err
		}); err != nil {
			e.Stop()
			e.tb.Fatalf("exim does not start: %v\n%s\n%s", err, output.String(), e.Log())
		}
	}
}

// Stop ends it, for an outage; what it has it keeps.
func (e *Exim) Stop() { e.stop() }

// Log is what it wrote down, for the message of a failed test.
func (e *Exim) Log() string {
	content, err := os.ReadFile(filepath.Join(e.home, "log", "mainlog"))
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// Letters gives what it has delivered, in no order.
func (e *Exim) Letters() []Letter {
	e.tb.Helper()
	files, err := filepath.Glob(filepath.Join(e.home, "mail", "new", "*"))
	e.must(err)
	letters := make([]Letter, 0, len(files))
	for _, file := range files {
		content, err := os.ReadFile(file)
		e.must(err)
		letter, err := read(content)
		e.must(err)
		letters = append(letters, letter)
	}
	return letters
}

// WaitForLetters waits until it has delivered so many.
func (e *Exim) WaitForLetters(count int) []Letter {
	e.tb.Helper()
	return waitForLetters(e.tb, count, e.Letters)
}

func (e *Exim) write(name string, content []byte) {
	e.tb.Helper()
	path := filepath.Join(e.home, name)
	e.must(os.WriteFile(path, content, 0o644)) //nolint:gosec // Exim's user has to read it.
}

func (e *Exim) must(err error) {
	e.tb.Helper()
	if err != nil {
		e.tb.Fatal(err)
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is on this machine.
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func poll(check func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(context.Background(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		return last
	}
	return nil
}
