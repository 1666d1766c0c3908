package mailtest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// Stage is a point in the handing in of a message at which a Server decides.
type Stage string

// The stages, in their order.
const (
	Hello     Stage = "hello"
	Sender    Stage = "sender"
	Recipient Stage = "recipient"
	// Received is when the server has all of the message, and has not said so yet.
	Received Stage = "received"
)

// Server is a mail server without security that answers as a test wants it.
type Server struct {
	Host string
	Port int

	tb      testing.TB
	mu      sync.Mutex
	decide  func(Stage) error
	letters []Letter
}

// Reply is a server's negative answer.
func Reply(code int, enhanced ...int) error {
	reply := &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "not for secret.person@acme.com"}
	copy(reply.EnhancedCode[:], enhanced)
	return reply
}

type drop struct{}

func (drop) Error() string { return "the connection breaks" }

// Drop breaks the connection instead of an answer.
var Drop error = drop{}

// StartServer starts a server on loopback, for as long as the test runs.
func StartServer(tb testing.TB) *Server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It is on this machine.
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, tb: tb, decide: func(Stage) error { return nil }}
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		session := &session{server: s, conn: conn}
		return session, session.ask(Hello)
	}))
	server.Domain = "mail.example.com"
	server.ErrorLog = silence{} // It would tell of the connections that tests break.
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		s.Decide(func(Stage) error { return nil })
		_ = server.Close()
		<-done
	})
	return s
}

// Decide says how the server answers from now on: with nil it goes on, Reply and Drop are what else it can do. A function
// that takes its time makes a slow server.
func (s *Server) Decide(decide func(Stage) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide = decide
}

// Letters gives what it has received, the messages that it then refused included.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter{}, s.letters...)
}

// WaitForLetters waits until it has received so many.
func (s *Server) WaitForLetters(count int) []Letter {
	s.tb.Helper()
	return waitForLetters(s.tb, count, s.Letters)
}

type silence struct{}

// Printf implements smtp.Logger.
func (silence) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (silence) Println(...any) {}

// session implements smtp.Session.
type session struct {
	server *Server
	conn   *smtp.Conn
}

func (s *session) ask(stage Stage) error {
	s.server.mu.Lock()
	decide := s.server.decide
	s.server.mu.Unlock()
	err := decide(stage)
	if err == Drop { //nolint:errorlint // It is this very value.
		_ = s.conn.Conn().Close()
	}
	return err
}

// Mail is the sender.
func (s *session) Mail(string, *smtp.MailOptions) error { return s.ask(Sender) }

// Rcpt is a recipient.
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.ask(Recipient) }

// Data is the message.
func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	letter, err := read(content)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	s.server.letters = append(s.server.letters, letter)
	s.server.mu.Unlock()
	return s.ask(Received)
}

// Reset forgets the message.
func (*session) Reset() {}

// Logout ends the session.
func (*session) Logout() error { return nil }
