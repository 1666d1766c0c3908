package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Security is how a connection is protected.
type Security string

const (
	// StartTLS begins in plain text, and goes on only if the server agrees on TLS.
	StartTLS Security = "StartTLS"
	// TLS begins with TLS.
	TLS Security = "TLS"
	// None is plain text throughout. A password goes over it only to this very machine.
	None Security = "None"
)

// Server is a mail server that takes messages for delivery.
type Server struct {
	Host     string
	Port     int
	Security Security
	// Username and Password are the credentials; with an empty Username there is no authentication.
	Username, Password string
	// CABundle are the authorities of the server's certificate, PEM; empty means those of the system.
	CABundle []byte
}

// mechanisms are the ways to authenticate; of those that a server offers, the first is taken.
var mechanisms = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5}

// libraryTimeout is go-mail's limit for a message. It is longer than any context here, so that those decide.
const libraryTimeout = time.Hour

var errCABundle = errors.New("no certificate in the CA bundle")

// dial connects to the server, with TLS where that comes first.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	if s.Security == TLS {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// client gives a client that talks over the connection and introduces itself by the name.
func (s *Server) client(conn net.Conn, name string) (*gomail.Client, error) {
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	options := []gomail.Option{
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
		gomail.WithHELO(name), gomail.WithTimeout(libraryTimeout), gomail.WithTLSConfig(config),
		gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithoutSMTPUTF8(), // All addresses are ASCII, and to ask for it would keep servers from passing the message on.
	}
	if s.Security == TLS || s.Security == None {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS)) // It is there already, or not wanted.
	} else {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.Username != "" {
		options = append(options, gomail.WithOpportunisticSMTPAuth(mechanisms...), gomail.WithUsername(s.Username), gomail.WithPassword(s.Password))
	}
	return gomail.NewClient(s.Host, options...)
}

func (s *Server) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if len(s.CABundle) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(s.CABundle) {
			return nil, errCABundle
		}
	}
	return config, nil
}
