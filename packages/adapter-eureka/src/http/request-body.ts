import { gunzip } from 'node:zlib'
import { EurekaError } from '../errors.ts'
import type { InstanceInfo } from '../wire/instance-info.ts'
import { readInstanceJson } from '../wire/json-reader.ts'
import { refuseBody, refuseSize } from '../wire/refuse.ts'
import { readInstanceXml } from '../wire/xml-reader.ts'

/** A body as it came. */
export interface RequestBody {
  readonly bytes: Buffer
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
}

/**
 * Reads a registration, in either format, compressed or not. Whoever names no format gets by with either, too.
 *
 * @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE`
 */
export async function readInstanceBody(body: RequestBody, maxBytes: number): Promise<InstanceInfo> {
  const text = await textOf(body, maxBytes)
  return isXml(body.contentType, text) ? readInstanceXml(text) : readInstanceJson(parseJson(text))
}

/** Reads JSON, compressed or not. @throws EurekaError `EUREKA_BODY_INVALID`, `EUREKA_BODY_TOO_LARGE` */
export async function readJsonBody(body: RequestBody, maxBytes: number): Promise<unknown> {
  return parseJson(await textOf(body, maxBytes))
}

async function textOf(body: RequestBody, maxBytes: number): Promise<string> {
  const bytes = await plainBytes(body, maxBytes)
  if (bytes.length > maxBytes) refuseSize('body', `has ${bytes.length} bytes, at most ${maxBytes}`)
  const charset = /charset\s*=\s*"?([\w.:-]+)/i.exec(body.contentType ?? '')?.[1]?.toLowerCase() ?? 'utf-8'
  switch (charset) {
    case 'utf-8':
    case 'utf8':
      return utf8Of(bytes)
    case 'iso-8859-1':
    case 'latin1':
      return bytes.toString('latin1')
    default:
      return refuseBody('content-type', 'charset is UTF-8 or ISO-8859-1')
  }
}

function utf8Of(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    return refuseBody('body', 'is not UTF-8', error)
  }
}

async function plainBytes({ bytes, contentEncoding }: RequestBody, maxBytes: number): Promise<Buffer> {
  switch (contentEncoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return bytes
    case 'gzip':
    case 'x-gzip':
      return await unzipped(bytes, maxBytes)
    default:
      return refuseBody('content-encoding', 'is gzip or none')
  }
}

/** Stops as soon as it is too much: a small body may stand for a very large one. */
async function unzipped(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: maxBytes }, (error, plain) => {
      if (error === null) resolve(plain)
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
        const reason = `body: has more than ${maxBytes} bytes decompressed`
        reject(new EurekaError('EUREKA_BODY_TOO_LARGE', reason, { cause: error }))
      } else reject(new EurekaError('EUREKA_BODY_INVALID', 'body: is not gzip', { cause: error }))
    })
  })
}

function isXml(contentType: string | undefined, text: string): boolean {
  if (contentType !== undefined && /json/i.test(contentType)) return false
  if (contentType !== undefined && /xml/i.test(contentType)) return true
  return /^\ufeff?\s*</.test(text)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return refuseBody('body', 'is not JSON', error)
  }
}
