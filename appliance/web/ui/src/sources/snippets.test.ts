import { describe, expect, it } from 'vitest';

import { snippetsFor } from './snippets';

const target = { address: 'https://xdr.example.test:8088', source: "o'brien & co", token: 'xdr_src_t' };

describe('configuration for shippers', () => {
  it('names address and token in each', () => {
    const snippets = snippetsFor(target);

    expect(snippets.map((one) => one.shipper)).toEqual(['curl', 'Filebeat', 'Fluent Bit', 'rsyslog']);
    for (const { text } of snippets) {
      expect(text).toContain('xdr_src_t');
      expect(text).toContain('xdr.example.test');
      expect(text).toContain('8088');
    }
  });

  it('lets no source name out of the shell word it stands in', () => {
    expect(snippetsFor(target)[0]?.text).toContain("/api/v1/ingest/o%27brien%20%26%20co'");
  });

  it('knows the port a scheme implies', () => {
    expect(snippetsFor({ ...target, address: 'http://10.0.0.1' })[2]?.text).toMatch(/Port +80\n[^]*tls +Off/);
  });

  it('is not written for what is no address', () => {
    expect(snippetsFor({ ...target, address: 'xdr' })).toEqual([]);
    expect(snippetsFor({ ...target, address: 'javascript:alert(1)' })).toEqual([]);
  });
});
