import { describe, expect, test } from 'vitest'
import { EurekaError } from '../../src/errors.ts'
import { wireLimits } from '../../src/wire/limits.ts'
import { readInstanceXml } from '../../src/wire/xml-reader.ts'
import { go } from './registrations.ts'

const read = (content: string) => readInstanceXml(`<instance>${content}</instance>`)
const metadata = (content: string) => read(`<metadata>${content}</metadata>`).metadata
const refusal = (text: string): string => {
  try {
    readInstanceXml(text)
  } catch (error) {
    if (error instanceof EurekaError) return error.message
    throw error
  }
  return 'accepted'
}

describe('what is read', () => {
  test('a registration of a client in Go', () => {
    expect(readInstanceXml(go)).toMatchObject({
      instanceId: 'i-6589ef6',
      hostName: 'i-6589ef6',
      app: 'TESTAPP',
      ipAddr: '127.0.0.10',
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      port: { port: 9090, enabled: true },
      securePort: { port: 0, enabled: false },
      homePageUrl: '',
      countryId: 0,
      dataCenterInfo: { class: undefined, name: 'MyOwn', metadata: undefined },
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
      metadata: { some_key: 'one two' },
    })
  })

  test('a data center of Amazon, with its class', () => {
    const { dataCenterInfo } = read(
      '<dataCenterInfo class="com.netflix.appinfo.AmazonInfo"><name>Amazon</name>' +
        '<metadata><instance-id>i-1</instance-id></metadata></dataCenterInfo>',
    )
    expect(dataCenterInfo).toEqual({
      class: 'com.netflix.appinfo.AmazonInfo',
      name: 'Amazon',
      metadata: { 'instance-id': 'i-1' },
    })
  })

  test.each([
    ['<port>80</port>', { port: 80, enabled: true }],
    ['<port enabled="false">\n 80 </port>', { port: 80, enabled: false }],
    ["<port enabled = 'no' >80</port >", { port: 80, enabled: true }],
    ['<port/>', { port: 7001, enabled: true }],
  ])('the port %s', (content, expected) => {
    expect(read(content).port).toEqual(expected)
  })

  test('a secure port is enabled only when it says so', () => {
    expect(read('<securePort>443</securePort>').securePort).toEqual({ port: 443, enabled: false })
    expect(read('<securePort enabled="true">443</securePort>').securePort.enabled).toBe(true)
  })

  test('the status in both spellings, and the last of several', () => {
    expect(read('<overriddenStatus>DOWN</overriddenStatus>').overriddenStatus).toBe('DOWN')
    expect(read('<overriddenstatus> DOWN\n</overriddenstatus>').overriddenStatus).toBe('DOWN')
    expect(read('<status>DOWN</status><status>STARTING</status>').status).toBe('STARTING')
  })

  test.each([
    ['<a>&lt;&gt;&amp;&quot;&apos;</a>', '<>&"\''],
    ['<a>&#65;&#x42;&#x1F600;&#13;</a>', 'AB\ud83d\ude00\r'],
    ['<a>&amp;lt;</a>', '&lt;'],
    ['<a><![CDATA[<b>&amp;]] ></b>]]></a>', '<b>&amp;]] ></b>'],
    ['<a>1<![CDATA[2]]>3<!-- <x> & -->4<![CDATA[]]></a>', '1234'],
    ['<a><![CDATA[<!DOCTYPE a>]]></a>', '<!DOCTYPE a>'],
    ['<a> \t\n </a>', ' \t\n '],
    ['<a>a\r\nb\rc</a>', 'a\nb\nc'],
    ['<a>0012.50</a>', '0012.50'],
    ['<a>true</a>', 'true'],
    ['<a>1</a><a>2</a>', '2'],
    ['<a x="1>2" y=\'"\'>v</a>', 'v'],
    ['<a/>', ''],
    ['<a></a>', ''],
  ])('the text of %s', (content, expected) => {
    expect(metadata(content)).toEqual({ a: expected })
  })

  test.each([
    ['a__b', 'a_b'],
    ['a_-b', 'a$b'],
    ['a_b', 'a_b'],
    ['___-', '_$'],
    ['constructor', 'constructor'],
    ['prototype', 'prototype'],
    ['toString', 'toString'],
    ['hasOwnProperty', 'hasOwnProperty'],
    ['__proto__', '_proto_'],
    ['p:q', 'p:q'],
  ])('the element %s is the key %s', (name, key) => {
    expect(Object.entries(metadata(`<${name}>v</${name}>`))).toEqual([[key, 'v']])
  })

  test('what is not known is ignored, however it is built', () => {
    expect(read('text<extra a="1"><b><c/></b></extra><hostName>h</hostName>').hostName).toBe('h')
  })

  test('a declaration and a byte order mark', () => {
    const text = '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><instance><app>A</app></instance>\n'
    expect(readInstanceXml(text).app).toBe('A')
  })

  test('a map may bring the class that Java writes', () => {
    expect(read('<metadata class="java.util.Collections$EmptyMap"/>').metadata).toEqual({})
    expect(metadata('\n  <a>1</a>\n')).toEqual({ a: '1' })
  })
})

describe('what is refused as malformed', () => {
  test.each([
    ['', 'has no element'],
    ['text', 'has text around its element'],
    ['{"instance":{}}', 'has text around its element'],
    ['<application/>', 'is not an element instance'],
    ['<instance/>text', 'has text around its element'],
    ['<instance/><![CDATA[]]>', 'has text around its element'],
    ['<instance/><instance/>', 'has a second element'],
    ['<instance>', 'has an element that is not closed'],
    ['<instance></Instance>', 'has an element that is not closed'],
    ['<instance><a></instance></a>', 'has an element that is not closed'],
    ['</instance>', 'has an element that is not closed'],
    ['<instance></instance/>', 'has an element that is not closed'],
    ['<instance></instance a="1">', 'has a tag that is not well-formed'],
    ['<instance a></instance>', 'has a tag that is not well-formed'],
    ['<instance a=1></instance>', 'has a tag that is not well-formed'],
    ['<instance a="1"b="2"></instance>', 'has a tag that is not well-formed'],
    ['<instance a="<"></instance>', 'has a tag that is not well-formed'],
    ['<instance a="></instance>', 'has a tag that is not well-formed'],
    ['<instance a="1" a="2"/>', 'has an attribute twice'],
    ['< instance/>', 'has a tag that is not well-formed'],
    ['<1/>', 'has a tag that is not well-formed'],
    ['<instance', 'has a tag that is not well-formed'],
    ['<instance><!-- </instance>', 'has no --> where one is due'],
    ['<instance><![CDATA[ </instance>', 'has no ]]> where one is due'],
    ['<?php evil ?><instance/>', 'has a processing instruction'],
    ['<instance><?xml version="1.0"?></instance>', 'has a processing instruction'],
    ['<instance>\u0001</instance>', 'has a character that XML does not have'],
    ['<instance>\ud800</instance>', 'has a character that XML does not have'],
  ])('%j', (text, reason) => {
    expect(refusal(text)).toBe(`EUREKA_BODY_INVALID: xml: ${reason}`)
  })

  test.each([
    ['&', 'has an ampersand that is not escaped'],
    ['a & b', 'has an ampersand that is not escaped'],
    ['&lt', 'has an ampersand that is not escaped'],
    ['&;', 'has an ampersand that is not escaped'],
    ['&nbsp;', 'has a reference to an entity'],
    ['&toString;', 'has a reference to an entity'],
    ['&AMP;', 'has a reference to an entity'],
    ['&#x;', 'has a reference to an entity'],
    ['&#xg;', 'has a reference to an entity'],
    ['&#X41;', 'has a reference to an entity'],
    ['&#0;', 'has a reference to a character that XML does not have'],
    ['&#8;', 'has a reference to a character that XML does not have'],
    ['&#xD800;', 'has a reference to a character that XML does not have'],
    ['&#xFFFF;', 'has a reference to a character that XML does not have'],
    ['&#x110000;', 'has a reference to a character that XML does not have'],
    ['&#99999999999;', 'has a reference to a character that XML does not have'],
  ])('the reference %s', (reference, reason) => {
    expect(refusal(`<instance><app>${reference}</app></instance>`)).toBe(
      `EUREKA_BODY_INVALID: xml: ${reason}`,
    )
  })

  test.each([
    ['<app><b/></app>', 'app: is not a text'],
    ['<metadata><a>1<b/>2</a></metadata>', 'metadata.a: is not a text'],
    ['<metadata><____proto____>a</____proto____></metadata>', 'metadata: has a key __proto__'],
    ['<port>http</port>', 'port: is not a number'],
    ['<port><a/></port>', 'port: is not a number'],
    ['<app>a&#10;b</app>', 'app: has control characters'],
    [
      '<dataCenterInfo><name>Moon</name></dataCenterInfo>',
      'dataCenterInfo.name: is one of MyOwn, Amazon, Netflix',
    ],
  ])('the content %s', (content, reason) => {
    expect(refusal(`<instance>${content}</instance>`)).toBe(`EUREKA_BODY_INVALID: ${reason}`)
  })
})

describe('what is refused as an attack', () => {
  const declares = 'EUREKA_BODY_INVALID: xml: has a document type or declares something'
  const instance = '<instance><app>&a;</app></instance>'

  test.each([
    ['a document type', `<!DOCTYPE instance>${instance}`],
    ['one in lower case', `<!doctype instance>${instance}`],
    ['one after the declaration', `<?xml version="1.0"?>\n<!DOCTYPE instance>${instance}`],
    ['an entity', `<!DOCTYPE instance [<!ENTITY a "b">]>${instance}`],
    ['an entity of a file', `<!DOCTYPE instance [<!ENTITY a SYSTEM "file:///etc/passwd">]>${instance}`],
    ['an entity of a parameter', `<!DOCTYPE instance [<!ENTITY % p SYSTEM "http://x/p.dtd">%p;]>${instance}`],
    ['an external document type', `<!DOCTYPE instance SYSTEM "http://x/x.dtd">${instance}`],
    [
      'entities of entities',
      `<!DOCTYPE instance [<!ENTITY l0 "lol">${Array.from(
        { length: 9 },
        (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`,
      ).join('')}]><instance><app>&l9;</app></instance>`,
    ],
    ['one within the element', '<instance><!DOCTYPE a><app>b</app></instance>'],
    ['a declaration of an element', '<instance><!ELEMENT a ANY></instance>'],
  ])('%s', (_, text) => {
    expect(refusal(text)).toBe(declares)
  })

  test('a document type that a comment in an attribute would hide', () => {
    const text = '<instance a="<!--"/><!DOCTYPE a [<!ENTITY b "c">]><!-- -->'
    expect(refusal(text)).toBe('EUREKA_BODY_INVALID: xml: has a tag that is not well-formed')
  })

  test.each([
    [
      'a document that is too long',
      `<instance>${' '.repeat(wireLimits.xmlMaxLength)}</instance>`,
      '131093 characters',
    ],
    ['levels without end', '<instance>'.repeat(10_000), 'more than 8 levels'],
    ['levels that are closed', `${'<instance>'.repeat(9)}${'</instance>'.repeat(9)}`, 'more than 8 levels'],
    ['elements without end', `<instance>${'<a/>'.repeat(512)}</instance>`, 'more than 512 elements'],
    [
      'metadata without end',
      `<instance><metadata>${Array.from({ length: 65 }, (_, n) => `<k${n}/>`).join('')}</metadata></instance>`,
      'metadata: has 65 entries, at most 64',
    ],
    [
      'an attribute that is huge',
      `<instance><dataCenterInfo class="${'c'.repeat(100_000)}"/></instance>`,
      'dataCenterInfo.@class: has 100000 bytes, at most 256',
    ],
    [
      'a text that is huge',
      `<instance><app>${'a'.repeat(100_000)}</app></instance>`,
      'app: has 100000 bytes',
    ],
  ])('%s', (_, text, reason) => {
    expect(refusal(text)).toContain('EUREKA_BODY_TOO_LARGE: ')
    expect(refusal(text)).toContain(reason)
  })

  test('the most levels and elements that are allowed are read', () => {
    const levels = '<a>'.repeat(7) + '</a>'.repeat(7)
    expect(read(`${levels}${'<b/>'.repeat(504)}`).app).toBe('')
    expect(refusal(`<instance>${levels}${'<b/>'.repeat(505)}</instance>`)).toContain('more than 512 elements')
  })

  test.each([
    ['spaces in a tag', `<instance ${' '.repeat(100_000)}`],
    ['an endless name', `<${'a'.repeat(100_000)}`],
    ['attributes that do not end', `<instance${' a="b"'.repeat(20_000)}`],
    ['attributes without values', `<instance ${'a= '.repeat(40_000)}>`],
    ['ampersands', `<instance><app>${'&'.repeat(100_000)}</app></instance>`],
    ['references that do not end', `<instance><app>${'&#x41'.repeat(20_000)}</app></instance>`],
    ['angles', '<'.repeat(100_000)],
    ['comments that do not end', `<instance>${'<!--'.repeat(30_000)}`],
  ])('%s, at once', (_, text) => {
    expect(refusal(text)).toContain('EUREKA_BODY_INVALID: xml: ')
  })
})
