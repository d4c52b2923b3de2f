import type { Page } from './schema';
import type { Answers, ById, None, OpenOperation, OpenOrdered, OpenSent, Ordered, Sent } from './shapes';

/** The part of the contract about what takes a second person, and about reviews of access. */

export interface Proposal {
  id: string;
  action: string;
  permission: string;
  reason: string;
  state: string;
  payload: Record<string, unknown>;
  payload_hash: string;
  proposed_by: string;
  proposed_at: string;
  expires_at: string;
  decided_by: string;
  decided_at: string | null;
  comment: string;
}

export interface ReviewItem {
  user_id: string;
  email: string;
  name: string;
  roles: string[];
  factors: string[];
  origin: string;
  status: string;
  /** "" for somebody who never signed in. */
  last_sign_in_at: string;
  decision: '' | 'keep' | 'remove';
  decided_by: string;
  comment: string;
}

export interface Review {
  id: string;
  opened_at: string;
  opened_by: string;
  due_at: string;
  closed_at: string | null;
  closed_by: string;
  items: ReviewItem[];
  document: string;
  signature: string;
  key_id: string;
}

export interface Decision { user_id: string; decision: 'keep' | 'remove'; comment: string }

export interface GovernancePaths {
  '/api/v1/proposals': {
    get: OpenOperation<None, Answers<Page<Proposal>>>;
    post: OpenSent<{ action: string; payload: Record<string, unknown>; reason: string }, Answers<Proposal>>;
  };
  '/api/v1/proposals/{id}/approval': { post: Sent<{ payload_hash: string; comment: string }, ById, Answers<Proposal>> };
  '/api/v1/proposals/{id}/rejection': { post: Sent<{ comment: string }, ById, Answers<Proposal>> };
  '/api/v1/access-reviews': {
    get: OpenOperation<None, Answers<Page<Review>>>;
    post: OpenOrdered<Answers<Review>>;
  };
  '/api/v1/access-reviews/{id}/decisions': { post: Sent<{ decisions: Decision[] }, ById, Answers<Review>> };
  '/api/v1/access-reviews/{id}/closure': { post: Ordered<ById, Answers<Review>> };
}
