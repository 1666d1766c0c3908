package controllers

import (
	"context"
	"fmt"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/mail"
)

// The keys of the Secret with the credentials for a mail server.
const (
	mailUsernameKey = "username"
	mailPasswordKey = "password"
)

// mailServer is a platform's mail server.
type mailServer struct {
	mail.Server
	// version changes when the settings or the credentials do, and only then.
	version string
}

// mailServerOf gives the platform's mail server, or the outcome of a message that has to wait until there is one.
func (r *learnerMessageReconciler) mailServerOf(ctx context.Context, platform *v1alpha1.LearningPlatform) (mailServer, *outcome, error) {
	settings := platform.Spec.Learners.Mail
	if settings.Host == "" {
		return mailServer{}, new(conflict(v1alpha1.ReasonMailNotConfigured, "The platform has no spec.learners.mail.", 0)), nil
	}
	server := mailServer{
		Server: mail.Server{
			Host: settings.Host, Port: int(settings.Port), Security: mail.Security(settings.Security), CABundle: []byte(settings.CABundle),
		},
		version: basisOf(settings),
	}
	name := settings.CredentialsSecretRef.Name
	if name == "" {
		return server, nil, nil
	}
	secret := &corev1.Secret{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: platform.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return mailServer{}, new(conflict(v1alpha1.ReasonMailNotConfigured, fmt.Sprintf("There is no Secret %s with the credentials for the mail server.", name), 0)), nil
	}
	if err != nil {
		return mailServer{}, nil, fmt.Errorf("cannot read the mail server's Secret: %w", err)
	}
	for _, key := range []string{mailUsernameKey, mailPasswordKey} {
		if len(secret.Data[key]) == 0 {
			return mailServer{}, new(conflict(v1alpha1.ReasonMailNotConfigured, fmt.Sprintf("The Secret %s has no key %s.", name, key), 0)), nil
		}
	}
	server.Username, server.Password = string(secret.Data[mailUsernameKey]), string(secret.Data[mailPasswordKey])
	// The status shows a digest of it. The UID, which only those know who may read the Secret, keeps others from guessing.
	server.version = basisOf(settings, fmt.Sprintf("%s %q %q", secret.UID, server.Username, server.Password))
	return server, nil, nil
}

// letterOf gives the message as its recipient reads it. What Rollcall adds is the same in all languages.
func letterOf(message *v1alpha1.LearnerMessage, contact *v1alpha1.Contact, platform *v1alpha1.LearningPlatform, to recipient) mail.Message {
	spec, learner := &message.Spec, strings.TrimSpace(contact.Spec.FirstName+" "+contact.Spec.LastName)
	subject, about := spec.Subject, contact.Spec.ContactID
	if subject == "" {
		subject = learner
	}
	if spec.CourseCode != "" {
		subject = fmt.Sprintf("[%s] %s", spec.CourseCode, subject)
		about += " · " + spec.CourseCode
	}
	written := message.CreationTimestamp.Time
	if zone, err := time.LoadLocation(platform.Spec.TimeZone); err == nil {
		written = written.In(zone)
	}
	return mail.Message{
		ID: string(message.UID), Name: message.Namespace + "/" + message.Name, Date: written,
		From: netmail.Address{Name: hostOf(platform.Spec.URL), Address: platform.Spec.Learners.Mail.From},
		To:   to.address, ReplyTo: netmail.Address{Name: learner, Address: contact.Spec.Email},
		Subject: subject,
		Text:    fmt.Sprintf("%s\n\n-- \n%s · %s\n%s\n", strings.TrimRight(spec.Text, "\n"), learner, about, platform.Spec.URL),
	}
}

// hostOf gives the host of an address of the web.
func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Hostname()
}
