/**
 * As much of GitHub's REST API as the tests need: a list on three pages, linked as GitHub links
 * them (absolute URLs at api.github.com, numeric alias and all), and an issue to create.
 */

import type { Answer, Respond } from './upstream.ts'

const PAGES = 3

export function respondAsGithub(key: string): Respond {
  return (request) => {
    if (request.header('authorization') !== `Bearer ${key}`) {
      return { status: 401, body: { message: 'Bad credentials' } }
    }
    const url = new URL(request.target, 'https://api.github.com')
    if (request.method === 'POST' && url.pathname === '/repos/acme/shop/issues') {
      return { status: 201, body: { id: 7, number: 7, title: 'made through the door' } }
    }
    if (request.method === 'GET' && LISTS.has(url.pathname)) return page(url)
    return { status: 404, body: { message: 'Not Found' } }
  }
}

const LISTS = new Set(['/repos/acme/shop/issues', '/repositories/42/issues'])

function page(url: URL): Answer {
  const number = Number(url.searchParams.get('page') ?? '1')
  const linkTo = (to: number, relation: string) =>
    `<https://api.github.com/repositories/42/issues?per_page=2&page=${to}>; rel="${relation}"`
  const links = number < PAGES ? [linkTo(number + 1, 'next'), linkTo(PAGES, 'last')] : []
  const items = [1, 2].map((index) => ({ id: number * 10 + index, number: number * 10 + index }))
  return { headers: { link: links.join(', ') }, body: items }
}
