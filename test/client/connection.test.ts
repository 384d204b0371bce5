import { expect, onTestFinished, test, vi } from 'vitest'
import { type ClientOptions, createVisionClient } from '../../client/src/index.ts'

const open = (options: ClientOptions) => () => createVisionClient(options)

test('an address that cannot be one is refused, and a path of its own where there is no page', () => {
  for (const url of ['localhost:3000', 'vision.example.com', 'ftp://vision.example.com', '/api', '']) {
    expect(open({ url })).toThrow(`“${url}” is not the address of an API: it must begin with https or http.`)
  }
  vi.stubGlobal('location', { href: 'https://shop.example/admin/' })
  onTestFinished(() => void vi.unstubAllGlobals())
  for (const url of ['/api', 'https://vision.example.com']) expect(open({ url, key: 'vpk_secret' })).not.toThrow()
  expect(open({ url: 'localhost:3000' })).toThrow('“localhost:3000” is not the address of an API')
})

test('a key that cannot be one is refused, and not shown', () => {
  for (const key of ['vpk_secret\nabc', 'vpk_secret\u200b']) {
    expect(open({ key })).toThrow(/^(?!.*secret).*The key contains a character/)
  }
})
