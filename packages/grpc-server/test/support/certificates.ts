import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

// Certificates for tests, written down byte by byte (X.509 in DER, RFC 5280), so that none expires in a file.

const oid = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
}

function der(tag: number, ...parts: (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts)
const text = (value: string): Buffer => Buffer.from(value, 'latin1')
const algorithm = sequence(der(0x06, oid.ecdsaWithSha256))
const nameOf = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(der(0x06, oid.commonName), der(0x0c, text(commonName)))))
const time = (year: number): Buffer => der(0x18, text(`${year}0101000000Z`))
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })

function pem(label: string, content: Buffer): Buffer {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? []
  return Buffer.from([`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n'))
}

interface CertificateParts {
  readonly serial: number
  readonly issuer: string
  readonly subject: string
  readonly key: KeyObject
  readonly signer: KeyObject
  readonly extension: Buffer
}

function certificate({ serial, issuer, subject, key, signer, extension }: CertificateParts): Buffer {
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [0x01, serial]),
    algorithm,
    nameOf(issuer),
    sequence(time(2020), time(2100)),
    nameOf(subject),
    key.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  return pem('CERTIFICATE', sequence(content, algorithm, der(0x03, [0], sign('sha256', content, signer))))
}

/** A certificate and its private key, both in PEM. */
export interface Identity {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Somebody who signs certificates. */
export class Authority {
  readonly #name: string
  readonly #keys = newKey()
  #serial = 1
  /** Its own certificate, in PEM. */
  readonly ca: Buffer

  constructor(name: string) {
    this.#name = name
    const isAuthority = der(0x04, sequence(der(0x01, [0xff])))
    this.ca = certificate({
      serial: this.#serial,
      issuer: name,
      subject: name,
      key: this.#keys.publicKey,
      signer: this.#keys.privateKey,
      extension: sequence(der(0x06, oid.basicConstraints), der(0x01, [0xff]), isAuthority),
    })
  }

  /** An identity with this common name and these host names or IPv4 addresses. */
  issue(subject: string, names: readonly string[] = ['localhost', '127.0.0.1']): Identity {
    const { publicKey, privateKey } = newKey()
    const alternatives = names.map((name) =>
      /^[\d.]+$/.test(name) ? der(0x87, name.split('.').map(Number)) : der(0x82, text(name)),
    )
    const cert = certificate({
      serial: ++this.#serial,
      issuer: this.#name,
      subject,
      key: publicKey,
      signer: this.#keys.privateKey,
      extension: sequence(der(0x06, oid.subjectAltName), der(0x04, sequence(...alternatives))),
    })
    return { cert, key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })) }
  }
}
