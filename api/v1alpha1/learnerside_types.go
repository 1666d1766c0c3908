package v1alpha1

// LearnersSpec is what the platform's learners see of Rollcall in their pages: who mentors and supports them, and how their
// messages get there.
// +kubebuilder:validation:MinProperties=1
type LearnersSpec struct {
	// jwtIssuer is what the LMS puts into the claim iss of its tokens: JWT_ISSUER of its settings. Default: the url, and
	// /oauth2.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +optional
	JWTIssuer string `json:"jwtIssuer,omitempty"`

	// jwtAudience is what the LMS puts into the claim aud of its tokens: JWT_AUDIENCE of its settings. Default: openedx.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:default=openedx
	// +optional
	JWTAudience string `json:"jwtAudience,omitempty"`

	// identityServer is the OpenID Connect provider whose bearer tokens learners' apps may send. Unset: only the LMS's cookies
	// are taken.
	// +optional
	IdentityServer IdentityServer `json:"identityServer,omitempty,omitzero"`

	// allowedOrigins are those of pages, besides Rollcall's own, that may call the learner API with the learner's cookies: such as
	// https://apps.learn.example.com of an MFE.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=8
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && url(self).getEscapedPath() == '' && !self.matches('[?@A-Z#*]|^http:.*:80$|^https:.*:443$')",message="must be an origin as browsers send it, such as https://apps.learn.example.com: lower case, without a path or the usual port"
	// +optional
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`

	// support is who learners can write to besides their mentors. Unset: nobody.
	// +optional
	Support SupportSpec `json:"support,omitempty,omitzero"`

	// mail is the server that learners' messages go through. Unset: messages are kept until there is one.
	// +optional
	Mail MailSpec `json:"mail,omitempty,omitzero"`

	// messageRetentionDays is how many days a LearnerMessage is kept after it was delivered, or was given up; then it is one at
	// least. Default: 90.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3650
	// +kubebuilder:default=90
	// +optional
	MessageRetentionDays *int32 `json:"messageRetentionDays,omitempty"`

	// ssoProviderID is the LMS's id of the provider by which learners sign on, such as oa2-keycloak. With it each Contact says in
	// its condition SSOLinked whether the learner's account is linked. Unset: it is not looked at.
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^(oa2|saml|lti)-[A-Za-z0-9._-]+$`
	// +optional
	SSOProviderID string `json:"ssoProviderID,omitempty"`

	// readProgress is true when what share of a course each learner has completed is read, too, after the grades. No API lists
	// that: it takes a call for each learner in each course at every sweep, for which the LMS works out the learner's progress
	// page. Calls are made one at a time, with pauses as long as they take. Default: false.
	// +optional
	ReadProgress *bool `json:"readProgress,omitempty"`
}

// IdentityServer is an OpenID Connect provider.
type IdentityServer struct {
	// issuer is the provider's URL, exactly as its tokens name it in iss; its keys are found by OpenID Connect Discovery.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && !self.matches('[?#@]')",message="must be an absolute http or https URL without query, fragment and user"
	// +required
	Issuer string `json:"issuer,omitempty"`

	// audience is what the claim aud of a token has to name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	Audience string `json:"audience,omitempty"`
}

// SupportSpec is who learners can write to about anything.
type SupportSpec struct {
	// displayName is what learners see.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +required
	DisplayName string `json:"displayName,omitempty"`

	// email is where their messages go. Learners never see it.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	// +required
	Email string `json:"email,omitempty"`
}

// MailSecurity says how the connection to a mail server is encrypted.
// +kubebuilder:validation:Enum=StartTLS;TLS;None
type MailSecurity string

const (
	// MailSecurityStartTLS begins in the clear and goes on encrypted, or not at all; customary at port 587.
	MailSecurityStartTLS MailSecurity = "StartTLS"
	// MailSecurityTLS is encrypted from the start; customary at port 465.
	MailSecurityTLS MailSecurity = "TLS"
	// MailSecurityNone is not encrypted: for a relay on the same node only. It takes no credentials.
	MailSecurityNone MailSecurity = "None"
)

// MailSpec is a mail server (SMTP submission, RFC 6409).
// +kubebuilder:validation:XValidation:rule="!has(self.security) || self.security != 'None' || !has(self.credentialsSecretRef)",fieldPath=".credentialsSecretRef",message="must not be sent unencrypted: set security to StartTLS or TLS"
type MailSpec struct {
	// host of the server: a DNS name or an address.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.:_-]+$`
	// +required
	Host string `json:"host,omitempty"`

	// port of the server. Default: 587.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:default=587
	// +optional
	Port int32 `json:"port,omitempty"`

	// security says how the connection is encrypted. Default: StartTLS.
	// +kubebuilder:default=StartTLS
	// +optional
	Security MailSecurity `json:"security,omitempty"`

	// from is the address that messages come from; replies go to the learner.
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`
	// +required
	From string `json:"from,omitempty"`

	// credentialsSecretRef names the Secret in the same namespace with the keys `username` and `password`. Unset: the server wants
	// none.
	// +optional
	CredentialsSecretRef SecretReference `json:"credentialsSecretRef,omitempty,omitzero"`

	// caBundle holds the certificates of the authorities that the server's certificate is checked with, in PEM. Unset: those that
	// the container trusts.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +optional
	CABundle string `json:"caBundle,omitempty"`
}
