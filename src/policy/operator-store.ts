/** Operators: humans with a name and a key. Passes test/contract/operator-store.ts. */

export type OperatorRole = 'admin' | 'issuer' | 'auditor'

export interface Operator {
  readonly id: string
  readonly name: string
  readonly role: OperatorRole
  readonly createdAt: number
}

export interface OperatorStore {
  findByDigest(digest: string): Promise<Operator | undefined>
  list(): Promise<readonly Operator[]>
  /** False when the name is taken. */
  insert(operator: Operator, digest: string): Promise<boolean>
  /** False when there is none; refuses (throws `refused`) to remove the last admin. */
  remove(name: string): Promise<boolean>
}
