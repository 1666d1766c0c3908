package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// lmsPort and mailPort are the ports that config/samples names.
const (
	lmsPort  = 18000
	mailPort = 18025
)

// startLMS starts the stand-in for Open edX.
func (d *demo) startLMS(ctx context.Context) error {
	address, err := freeAddress(ctx, lmsPort)
	if err != nil {
		return err
	}
	mail, err := freeAddress(ctx, mailPort)
	if err != nil {
		return err
	}
	if d.learnerAPI, err = freeAddress(ctx, 8444); err != nil {
		return err
	}
	if err := writeCertificates(d.certificates()); err != nil {
		return err
	}
	if err := d.startChild(filepath.Join(d.programs, "sandbox"), "--listen", address, "--mail-listen", mail,
		"--learner-api", "https://"+d.learnerAPI, "--learner-ca", filepath.Join(d.certificates(), "ca.crt")); err != nil {
		return err
	}
	url := "http://" + address
	d.environment.set("LMS_URL", url)
	d.environment.set("LMS_MAIL", mail)
	return waitForAnswer(ctx, url)
}

// applySamples installs what GitOps would: the platform, its courses and mentors, and Rollcall's permissions.
func (d *demo) applySamples(ctx context.Context) error {
	for _, folder := range []string{"config/rbac", "config/samples"} {
		if _, err := d.show(ctx, "kubectl apply -k "+folder); err != nil {
			return err
		}
	}

	api, err := d.client()
	if err != nil {
		return err
	}
	platform := &v1alpha1.LearningPlatform{}
	if err := api.Get(ctx, client.ObjectKey{Namespace: "default", Name: "default"}, platform); err != nil {
		return err
	}
	url := d.environment.get("LMS_URL")
	if platform.Spec.URL != url {
		// What the LMS's tokens name as their issuer is a setting of it, and stays.
		patch := fmt.Sprintf(`kubectl patch learningplatform default --type merge --patch '{"spec":{"url":"%s","learners":{"jwtIssuer":"http://127.0.0.1:%d/oauth2"}}}'`, url, lmsPort)
		if _, err := d.show(ctx, patch); err != nil {
			return err
		}
	}
	_, port, err := net.SplitHostPort(d.environment.get("LMS_MAIL"))
	if err != nil {
		return err
	}
	if port != strconv.Itoa(int(platform.Spec.Learners.Mail.Port)) {
		patch := fmt.Sprintf(`kubectl patch learningplatform default --type merge --patch '{"spec":{"learners":{"mail":{"port":%s}}}}'`, port)
		if _, err := d.show(ctx, patch); err != nil {
			return err
		}
	}

	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: "default", Name: platform.Spec.CredentialsSecretRef.Name}
	if err := api.Get(ctx, key, secret); err != nil {
		return err
	}
	d.environment.set("LMS_CLIENT_ID", string(secret.Data["client-id"]))
	d.environment.set("LMS_CLIENT_SECRET", string(secret.Data["client-secret"]))
	return nil
}

// client talks to the API server as an administrator.
func (d *demo) client() (client.Client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.New(d.config, client.Options{Scheme: scheme})
}
