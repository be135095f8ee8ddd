import { gunzipSync } from 'node:zlib'
import { XMLParser } from 'fast-xml-parser'
import { expect } from 'vitest'
import { type ManualServer, startServer } from '../support.ts'
import { ClientCopy, type ReadList } from './client-copy.ts'
import { requireStrictTypes } from './strict-types.ts'
import type { CopyIs, Step, Transcript, WireAnswer } from './transcript.ts'
import type { Way, WireResponse } from './ways.ts'

const xmlParser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '$',
  parseTagValue: false,
  isArray: (_name, path) =>
    path === 'applications.application' || /application\.instance$/.test(String(path)),
})

/** Has a transcript happen on a server of its own, and compares each answer with what is written down. */
export async function play(
  { options, steps }: Transcript,
  wayTo: (server: ManualServer) => Way | Promise<Way>,
): Promise<void> {
  await using server = await startServer(options)
  await using way = await wayTo(server)
  const copy = new ClientCopy()
  for (const [n, step] of steps.entries()) {
    const line = `${n + 1}. ${step.tells}`
    if (step.afterMs !== undefined) await server.pass(step.afterMs)
    const body = checkAnswer(step, await way.send(step.request), line)
    if (step.copyIs === undefined) continue
    keepCopy(copy, step.copyIs, { list: listOf(body), line })
    if (step.copyIs !== 'out of step') await compareWithAll(server, copy, line)
  }
}

/** @returns the body, as a client reads it; undefined when there is none, or none that it reads */
function checkAnswer({ request, answer }: Step, response: WireResponse, line: string): unknown {
  const { status, headers } = response
  const text = decoded(response, request.headers ?? {}, line)
  // Together, as the body of a wrong answer says why.
  const isEmpty = answer.json === undefined && answer.xml === undefined && answer.text === undefined
  expect({ status, text: isEmpty ? text : '…' }, line).toEqual({
    status: answer.status,
    text: isEmpty ? '' : '…',
  })
  if (isEmpty) expect(headers['content-type'], line).toBeUndefined()
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    expect([name, headers[name.toLowerCase()]], line).toEqual([name, value])
  }
  return checkBody(answer, { text, contentType: String(headers['content-type']), line })
}

function checkBody(
  answer: WireAnswer,
  { text, contentType, line }: { readonly text: string; readonly contentType: string; readonly line: string },
): unknown {
  if (answer.text !== undefined) expect(text, line).toMatch(answer.text)
  if (answer.json !== undefined) {
    expect(contentType, line).toBe('application/json')
    const body: unknown = JSON.parse(text)
    expect(body, line).toMatchObject(answer.json)
    requireStrictTypes(body, line)
    return body
  }
  if (answer.xml !== undefined) {
    expect(contentType, line).toBe('application/xml')
    const body: unknown = xmlParser.parse(text)
    expect(body, line).toMatchObject(answer.xml)
    return body
  }
  return undefined
}

/** Only who accepts gzip can be given it. */
function decoded(
  { headers, body }: WireResponse,
  asked: Readonly<Record<string, string>>,
  line: string,
): string {
  if (headers['content-encoding'] === undefined) return body.toString()
  const accepted = Object.entries(asked).find(([name]) => name.toLowerCase() === 'accept-encoding')?.[1] ?? ''
  expect([headers['content-encoding'], accepted.includes('gzip')], line).toEqual(['gzip', true])
  return gunzipSync(body).toString()
}

function keepCopy(
  copy: ClientCopy,
  copyIs: CopyIs,
  { list, line }: { readonly list: ReadList; readonly line: string },
): void {
  if (copyIs === 'replaced') copy.replace(list)
  else copy.apply(list)
  const isEqual = copy.hashCode() === list.apps__hashcode
  expect({ has: copy.hashCode(), said: list.apps__hashcode, isEqual }, line).toMatchObject({
    isEqual: copyIs !== 'out of step',
  })
}

/** The hash code only counts: who has the right number of wrong instances would not notice. */
async function compareWithAll(server: ManualServer, copy: ClientCopy, line: string): Promise<void> {
  const all = new ClientCopy()
  all.replace(listOf(await server.json('apps')))
  expect(copy.contents(), line).toEqual(all.contents())
}

function listOf(body: unknown): ReadList {
  if (!isListBody(body)) throw new Error('a copy is kept by lists')
  return body.applications
}

/** The envelope; what is in it has been compared already. */
function isListBody(body: unknown): body is { readonly applications: ReadList } {
  return typeof body === 'object' && body !== null && 'applications' in body
}
