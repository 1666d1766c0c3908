package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/testenv"
)

// cluster is the control plane that everything runs on.
type cluster struct {
	client.WithWatch // as administrator
	admin            *rest.Config
	// operator is Rollcall's service account, with the permissions that it is shipped with. The raw creates use it too:
	// then the API server authenticates, authorizes and queues both alike, which it would not with an administrator.
	operator *rest.Config
	stop     func() error
}

// operatorNamespace is where config/rbac has Rollcall's service account.
const operatorNamespace = "rollcall-system"

// permissions are the files of config/rbac that a running Rollcall and a back office need.
var permissions = []string{
	"namespace", "service_account", "role", "role_binding", "leader_election_role", "leader_election_role_binding", "contact_writer_role",
}

func startCluster(ctx context.Context) (c *cluster, err error) {
	c = &cluster{}
	if c.admin, c.stop, err = testenv.Start(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	c.admin.QPS = -1 // as Rollcall: the API server's own flow control is the limit
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	if c.WithWatch, err = client.NewWithWatch(c.admin, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	for _, name := range permissions {
		if err := c.createFrom(ctx, filepath.Join("config", "rbac", name+".yaml")); err != nil {
			return nil, err
		}
	}
	token, err := c.token(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "rollcall-manager"}})
	if err != nil {
		return nil, err
	}
	c.operator = rest.AnonymousClientConfig(c.admin)
	c.operator.BearerToken = token
	return c, nil
}

// createFrom creates the objects of a file.
func (c *cluster) createFrom(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(o)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		case len(o.Object) == 0:
			continue // a document of comments
		}
		if err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

func (c *cluster) token(ctx context.Context, account *corev1.ServiceAccount) (string, error) {
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(ctx, account, request); err != nil {
		return "", err
	}
	return request.Status.Token, nil
}

// admitBackOffice makes a service account that may send documents to a namespace, and gives a token for it.
func (c *cluster) admitBackOffice(ctx context.Context, namespace string) (string, error) {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "back-office"}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		account,
		&rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "rollcall-contact-writer"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: meta.Name}},
		},
	} {
		if err := c.Create(ctx, o); err != nil {
			return "", err
		}
	}
	return c.token(ctx, account)
}
