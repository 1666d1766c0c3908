package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// authorities are those whose client certificates are accepted, as a file lists them that may change at any time.
type authorities struct {
	// file is nil where there are no client certificates.
	file *dynamiccertificates.DynamicFileCAContent
}

func newAuthorities(path string) (authorities, error) {
	if path == "" {
		return authorities{}, nil
	}
	file, err := dynamiccertificates.NewDynamicCAContentFromFile("ingest-client-ca", path)
	if err != nil {
		return authorities{}, fmt.Errorf("cannot read the authorities of client certificates: %w", err)
	}
	return authorities{file}, nil
}

// clientAuth is what a TLS handshake asks of a client. It verifies nothing: a session may outlive an authority.
func (a authorities) clientAuth() tls.ClientAuthType {
	if a.file == nil {
		return tls.NoClientCert
	}
	return tls.RequestClientCert
}

// verifyOptions are for a certificate that is shown now.
func (a authorities) verifyOptions() (options x509.VerifyOptions, ok bool) {
	if a.file == nil {
		return options, false
	}
	return a.file.VerifyOptions()
}

// watch takes up the file's changes until the context ends.
func (a authorities) watch(ctx context.Context) error {
	if a.file != nil {
		a.file.Run(ctx, 1)
	}
	return nil
}
