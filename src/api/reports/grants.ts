/** Grants for reports: read page by page, with room for other work between two pages, and only so far. */

import { setImmediate } from 'node:timers/promises'
import type { Listed } from '../../insight/listed.ts'
import type { GrantFilter, GrantStore, StoredGrant } from '../../policy/grant-store.ts'

const PAGE = 1000

/** Some seconds' worth, in steps of about 15 ms. */
const MAX_READ = 500_000

/** Shows every grant of a list to `visit`; true when there were more than are read for a report. */
export async function visitGrants(
  grants: Pick<GrantStore, 'list'>,
  filter: GrantFilter,
  visit: (page: readonly StoredGrant[]) => void,
): Promise<boolean> {
  let cursor: string | undefined
  for (let read = 0; read < MAX_READ; read += PAGE) {
    const page = await grants.list(filter, { limit: PAGE, ...(cursor !== undefined && { cursor }) })
    visit(page.items)
    if (page.nextCursor === undefined) return false
    cursor = page.nextCursor
    await setImmediate()
  }
  return true
}

/** The newest grants of a list that are meant, at most a page of them, and how many there are. */
export async function listGrants(
  grants: Pick<GrantStore, 'list'>,
  filter: GrantFilter,
  isMeant: (grant: StoredGrant) => boolean = () => true,
): Promise<Listed<StoredGrant>> {
  const items: StoredGrant[] = []
  let total = 0
  await visitGrants(grants, filter, (page) => {
    const meant = page.filter(isMeant)
    items.push(...meant.slice(0, PAGE - items.length))
    total += meant.length
  })
  return { items, total }
}

/** What stands above some grants, the grants themselves left out. */
export async function ancestorsOf(
  grants: Pick<GrantStore, 'findById'>,
  below: readonly StoredGrant[],
): Promise<StoredGrant[]> {
  const own = new Set(below.map(({ id }) => id))
  const ids = new Set(below.flatMap(({ chain }) => chain).filter((id) => !own.has(id)))
  const found = await Promise.all([...ids].slice(0, PAGE).map((id) => grants.findById(id)))
  return found.filter((grant) => grant !== undefined)
}
