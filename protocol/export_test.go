package protocol

// Field is one field of a body as the parser met it.
type Field struct {
	Name  string
	Bytes []byte
}

// Fields takes a body apart; the fields put together are the body.
func Fields(t Type, body []byte) ([]Field, error) {
	var list []Field
	r := &reader{b: body, saw: func(name string, b []byte) {
		if len(b) > 0 {
			list = append(list, Field{name, b})
		}
	}}
	blank(t).parse(r)
	return list, r.err
}

// FieldsOfCert does so for a certificate.
func FieldsOfCert(b []byte) ([]Field, error) {
	var list []Field
	r := &reader{b: b, saw: func(name string, b []byte) { list = append(list, Field{name, b}) }}
	(&Cert{}).parse(r)
	return list, r.err
}

// Labelled is what is signed for a body under a label's name.
func Labelled(name string, body []byte) []byte { return labelled(name, body) }
