-- The newest time per tenant of many tables, in one round trip and without a temporary object.
-- Each table is looked at in a block of its own that ends by an exception on purpose: its locks are given back at once,
-- and what breaks in it (no table, no right, bad SQL) is its finding alone.
DO $telemetry$
DECLARE
    asked constant jsonb := current_setting('telemetry.asked')::jsonb;
    now_ constant timestamptz := coalesce((asked ->> 'now')::timestamptz, clock_timestamp());
    ahead constant timestamptz := now_ + (asked ->> 'slack')::interval;
    answers constant refcursor := 'telemetry_readings';
    large constant real := 20000;
    -- Where dates mean days of a tenant's own zone: today's date there, of every zone that is asked about.
    days constant timestamptz[] := ARRAY(SELECT d::timestamptz FROM jsonb_array_elements_text(asked -> 'days') d ORDER BY 1);
    readings text[] := '{}';
    given_up boolean := false;
    item record;
    type_id oid;
    dated text;
    epoch text;
    where_ text;
    bounds timestamptz[];
    conditions text[];
    values_ text;
    epochs text;
    body text;
    problem text;
    detail text;
    found_rows text;
    any_ahead boolean;
    by_index boolean;
BEGIN
    FOR item IN
        SELECT t.*, c.oid AS rel, c.reltuples, c.relkind, d.atttypid, w.attname AS tenant_column
        FROM jsonb_to_recordset(asked -> 'tables')
            AS t (n int, schema text, name text, "column" text, expression text, query text, filter text, tenant text)
        LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = t.schema
        LEFT JOIN pg_catalog.pg_class c
            ON c.relnamespace = s.oid AND c.relname = t.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        LEFT JOIN pg_catalog.pg_attribute d
            ON d.attrelid = c.oid AND d.attname = t."column" AND d.attnum > 0 AND NOT d.attisdropped
        LEFT JOIN LATERAL (
            SELECT a.attname FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname IN (t.tenant, lower(t.tenant)) AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attname <> t.tenant LIMIT 1
        ) w ON true
        -- The smallest first: a table too large for the time that is left takes it from no smaller one.
        ORDER BY c.relkind IN ('v', 'f'), c.reltuples, t.n
    LOOP
        problem := NULL; detail := NULL; found_rows := NULL; by_index := false; bounds := ARRAY[ahead];
        IF given_up THEN
            readings := readings || json_build_object('n', item.n, 'problem', '57014')::text;
            CONTINUE;
        END IF;
        BEGIN
            type_id := item.atttypid;
            dated := coalesce(quote_ident(item.column), '(' || item.expression || E'\n)');
            IF item.query IS NOT NULL THEN
                EXECUTE format(E'SELECT pg_typeof((SELECT * FROM (%s\n) source_query LIMIT 0))::oid', item.query) INTO type_id;
            ELSIF item.rel IS NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'TM002';
            ELSIF item.column IS NULL THEN
                EXECUTE format('SELECT pg_typeof(max(%s))::oid FROM %I.%I WHERE false', dated, item.schema, item.name)
                    INTO type_id;
            ELSIF type_id IS NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'TM003';
            END IF;
            detail := format_type(type_id, NULL);
            IF type_id NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
                SELECT t.typbasetype INTO type_id FROM pg_catalog.pg_type t WHERE t.oid = type_id;
                IF type_id NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
                    RAISE EXCEPTION USING ERRCODE = 'TM004', MESSAGE = detail;
                END IF;
            END IF;
            IF type_id = 'date'::regtype AND days <> '{}' THEN
                bounds := days;
            END IF;
            -- date_part is quicker, and has no room for the last dates PostgreSQL knows.
            epoch := CASE WHEN type_id = 'date'::regtype THEN 'extract(epoch FROM %s)' ELSE 'date_part(''epoch'', %s)' END;
            where_ := coalesce('(' || item.filter || E'\n)', 'true');

            IF item.tenant_column IS NOT NULL AND item.column IS NOT NULL AND item.filter IS NULL AND item.query IS NULL
                AND item.relkind IN ('r', 'p', 'm') AND (item.reltuples > large
                    OR item.reltuples < 0 AND (item.relkind = 'p' OR pg_relation_size(item.rel) > 4000000)) THEN
                by_index := EXISTS (
                    SELECT FROM pg_catalog.pg_index i
                    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                    JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
                    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[1]
                    WHERE i.indrelid = item.rel AND i.indisvalid AND i.indpred IS NULL
                        AND a.attname = item.tenant_column AND b.attname = item.column
                        -- A probe costs about a hundred rows of a scan: not where tenants are nearly as many as rows.
                        AND NOT EXISTS (
                            SELECT FROM pg_catalog.pg_stats s
                            WHERE s.schemaname = item.schema AND s.tablename = item.name AND s.attname = a.attname
                                AND (s.n_distinct < -0.01 OR s.n_distinct * 100 > item.reltuples)));
            END IF;

            -- Nearly always: a small table, its tenants, a plain column, nothing in the future.
            IF item.tenant_column IS NOT NULL AND item.column IS NOT NULL AND item.filter IS NULL AND item.query IS NULL
                AND NOT by_index THEN
                EXECUTE format(
                    'SELECT json_agg(json_build_array(tenant::text, ' || format(epoch, 'v0') || ')), max(v0) > $1 FROM ('
                    'SELECT %1$I AS tenant, max(%2$s) AS v0 FROM %3$I.%4$I GROUP BY %1$I) r',
                    item.tenant_column, dated, item.schema, item.name) INTO found_rows, any_ahead USING bounds[1];
                IF any_ahead IS NOT TRUE THEN
                    RAISE EXCEPTION USING ERRCODE = 'TM001';
                END IF;
            END IF;

            -- At first the newest (v0); where it lies in the future, which is seldom, the newest up to each bound as well.
            conditions := ARRAY['true'];
            LOOP
                values_ := '';
                epochs := '';
                FOR i IN 1..cardinality(conditions) LOOP
                    values_ := values_ || CASE
                        WHEN item.query IS NOT NULL THEN format(E', (SELECT * FROM (%s\n) source_query)', item.query)
                        WHEN by_index THEN format(', (SELECT max(x.%s) FROM %I.%I x WHERE x.%I <tenant> AND %s)',
                            dated, item.schema, item.name, item.tenant_column, conditions[i])
                        WHEN item.tenant_column IS NULL THEN format(', (SELECT max(%s) FROM %I.%I WHERE %s AND %s)',
                            dated, item.schema, item.name, where_, conditions[i])
                        WHEN i = 1 THEN format(', max(%s)', dated)
                        ELSE format(', max(%s) FILTER (WHERE %s)', dated, conditions[i])
                    END || ' AS v' || i - 1;
                    epochs := epochs || ', ' || format(epoch, 'v' || i - 1);
                END LOOP;
                IF item.query IS NOT NULL OR item.tenant_column IS NULL THEN
                    body := 'SELECT NULL::text AS tenant' || values_;
                ELSIF by_index THEN
                    body := format(
                        'WITH RECURSIVE t (tenant) AS (
                            (SELECT %1$I FROM %2$I.%3$I WHERE %1$I IS NOT NULL ORDER BY %1$I LIMIT 1)
                            UNION ALL
                            SELECT (SELECT x.%1$I FROM %2$I.%3$I x WHERE x.%1$I > t.tenant ORDER BY x.%1$I LIMIT 1)
                            FROM t WHERE t.tenant IS NOT NULL
                        )
                        SELECT t.tenant %4$s FROM t WHERE t.tenant IS NOT NULL
                        UNION ALL
                        SELECT NULL %5$s WHERE EXISTS (SELECT FROM %2$I.%3$I x WHERE x.%1$I IS NULL)',
                        item.tenant_column, item.schema, item.name,
                        replace(values_, '<tenant>', '= t.tenant'), replace(values_, '<tenant>', 'IS NULL'));
                ELSE
                    body := format('SELECT %1$I AS tenant %2$s FROM %3$I.%4$I WHERE %5$s GROUP BY %1$I',
                        item.tenant_column, values_, item.schema, item.name, where_);
                END IF;
                EXECUTE format('SELECT json_agg(json_build_array(tenant::text %s)), max(v0) > $1 FROM (%s) r', epochs, body)
                    INTO found_rows, any_ahead USING bounds[1];
                EXIT WHEN any_ahead IS NOT TRUE OR item.query IS NOT NULL OR cardinality(conditions) > 1;
                conditions := conditions || ARRAY(SELECT format('%s <= %L::timestamptz', dated, b) FROM unnest(bounds) b);
            END LOOP;
            IF any_ahead AND item.query IS NOT NULL THEN
                found_rows := json_build_array(json_build_array(NULL, found_rows::json -> 0 -> 1, NULL));
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'TM001';
        EXCEPTION
            WHEN SQLSTATE 'TM001' THEN NULL;
            WHEN query_canceled THEN
                problem := SQLSTATE;
                given_up := true;
            WHEN OTHERS THEN
                problem := SQLSTATE;
                detail := SQLERRM;
        END;
        readings := readings || json_build_object(
            'n', item.n, 'problem', problem, 'detail', detail, 'tenanted', item.tenant_column IS NOT NULL AND item.query IS NULL,
            'indexed', by_index, 'by_day', type_id = 'date'::regtype AND days <> '{}' AND item.query IS NULL,
            'rows', found_rows::json)::text;
    END LOOP;
    readings := json_build_object('now', date_part('epoch', now_))::text || readings;
    OPEN answers FOR SELECT unnest(readings);
END
$telemetry$;
FETCH ALL FROM telemetry_readings;
