-- The newest time per tenant of many tables, in one round trip and without a temporary object.
-- Each table is looked at in a block of its own that ends by an exception on purpose: its locks are given back at once,
-- and what breaks in it (no table, no right, bad SQL) is its finding alone.
DO $telemetry$
DECLARE
    asked constant jsonb := current_setting('telemetry.asked')::jsonb;
    now_ constant timestamptz := coalesce((asked ->> 'now')::timestamptz, clock_timestamp());
    ahead constant timestamptz := now_ + (asked ->> 'slack')::interval;
    large constant real := 20000;
    readings text[] := '{}';
    given_up boolean := false;
    answers constant refcursor := 'telemetry_readings';
    item record;
    problem text;
    detail text;
    rel record;
    tenant text;
    dated text;
    type_id oid;
    where_ text;
    body text;
    found_rows text;
    by_index boolean;
BEGIN
    FOR item IN
        SELECT * FROM jsonb_to_recordset(asked -> 'tables')
            AS t (n int, schema text, name text, "column" text, expression text, query text, filter text, tenant text)
    LOOP
        problem := NULL; detail := NULL; tenant := NULL; found_rows := NULL; type_id := NULL; by_index := false;
        IF given_up THEN
            readings := readings || json_build_object('n', item.n, 'problem', '57014')::text;
            CONTINUE;
        END IF;
        BEGIN
            IF item.query IS NOT NULL THEN
                EXECUTE format(E'SELECT pg_typeof((SELECT * FROM (%s\n) source_query LIMIT 0))::oid', item.query) INTO type_id;
            ELSE
                SELECT c.oid, c.reltuples, c.relkind INTO rel
                FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
                WHERE s.nspname = item.schema AND c.relname = item.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f');
                IF NOT FOUND THEN
                    RAISE EXCEPTION USING ERRCODE = 'TM002';
                END IF;

                SELECT a.attname INTO tenant FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND a.attname IN (item.tenant, lower(item.tenant))
                ORDER BY a.attname <> item.tenant LIMIT 1;

                IF item.column IS NOT NULL THEN
                    dated := format('%I', item.column);
                    SELECT a.atttypid INTO type_id FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = item.column;
                    IF NOT FOUND THEN
                        RAISE EXCEPTION USING ERRCODE = 'TM003';
                    END IF;
                ELSE
                    dated := '(' || item.expression || E'\n)';
                    EXECUTE format('SELECT pg_typeof(max(%s))::oid FROM %I.%I WHERE false', dated, item.schema, item.name)
                        INTO type_id;
                END IF;
                where_ := CASE WHEN item.filter IS NULL THEN '' ELSE 'WHERE (' || item.filter || E'\n)' END;

                IF tenant IS NOT NULL AND item.column IS NOT NULL AND item.filter IS NULL
                    AND rel.relkind IN ('r', 'p', 'm')
                    AND (rel.reltuples > large
                        OR rel.reltuples < 0 AND (rel.relkind = 'p' OR pg_relation_size(rel.oid) > 4000000)) THEN
                    SELECT true INTO by_index
                    FROM pg_catalog.pg_index i
                    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                    JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
                    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = tenant
                    JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[1] AND b.attname = item.column
                    WHERE i.indrelid = rel.oid AND i.indisvalid AND i.indpred IS NULL
                        -- A probe costs about a hundred rows of a scan: not where tenants are nearly as many as rows.
                        AND NOT EXISTS (
                            SELECT FROM pg_catalog.pg_stats s
                            WHERE s.schemaname = item.schema AND s.tablename = item.name AND s.attname = tenant
                                AND (s.n_distinct < -0.01 OR s.n_distinct * 100 > rel.reltuples))
                    LIMIT 1;
                    by_index := coalesce(by_index, false);
                END IF;
            END IF;

            SELECT format_type(t.oid, NULL) INTO detail FROM pg_catalog.pg_type t WHERE t.oid = type_id;
            PERFORM 1 FROM pg_catalog.pg_type t WHERE t.oid = type_id
                AND coalesce(nullif(t.typbasetype, 0), t.oid) IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype);
            IF NOT FOUND THEN
                RAISE EXCEPTION USING ERRCODE = 'TM004', MESSAGE = detail;
            END IF;

            -- Every body yields (tenant, newest, good): good leaves out what lies in the future.
            IF item.query IS NOT NULL THEN
                body := format(
                    'SELECT NULL::text AS tenant, v AS newest, CASE WHEN v <= $1 THEN v END AS good
                     FROM (SELECT (SELECT * FROM (%s
                     ) source_query) AS v) q', item.query);
            ELSIF by_index THEN
                body := format(
                    'SELECT tenant::text AS tenant, newest,
                        CASE WHEN newest > $1
                             THEN (SELECT max(%2$s) FROM %3$I.%4$I x WHERE x.%1$I IS NOT DISTINCT FROM q.tenant AND x.%2$s <= $1)
                             ELSE newest END AS good
                     FROM (
                        WITH RECURSIVE t (tenant) AS (
                            (SELECT %1$I FROM %3$I.%4$I WHERE %1$I IS NOT NULL ORDER BY %1$I LIMIT 1)
                            UNION ALL
                            SELECT (SELECT x.%1$I FROM %3$I.%4$I x WHERE x.%1$I > t.tenant ORDER BY x.%1$I LIMIT 1)
                            FROM t WHERE t.tenant IS NOT NULL
                        )
                        SELECT t.tenant, (SELECT max(x.%2$s) FROM %3$I.%4$I x WHERE x.%1$I = t.tenant) AS newest
                        FROM t WHERE t.tenant IS NOT NULL
                        UNION ALL
                        SELECT NULL, (SELECT max(x.%2$s) FROM %3$I.%4$I x WHERE x.%1$I IS NULL)
                        WHERE EXISTS (SELECT FROM %3$I.%4$I x WHERE x.%1$I IS NULL)
                     ) q', tenant, dated, item.schema, item.name);
            ELSIF tenant IS NOT NULL THEN
                body := format(
                    'SELECT %1$I::text AS tenant, max(%2$s) AS newest, max(%2$s) FILTER (WHERE %2$s <= $1) AS good
                     FROM %3$I.%4$I %5$s GROUP BY %1$I', tenant, dated, item.schema, item.name, where_);
            ELSE
                body := format(
                    'SELECT NULL::text AS tenant, newest, CASE WHEN newest > $1
                        THEN (SELECT max(%1$s) FROM %2$I.%3$I %4$s) ELSE newest END AS good
                     FROM (SELECT max(%1$s) AS newest FROM %2$I.%3$I %5$s) q', dated, item.schema, item.name,
                    CASE WHEN where_ = '' THEN 'WHERE ' ELSE where_ || ' AND ' END || dated || ' <= $1', where_);
            END IF;
            EXECUTE 'SELECT json_agg(json_build_array(tenant, extract(epoch FROM newest)::text, extract(epoch FROM good)::text))::text
                FROM (' || body || ') r' INTO found_rows USING ahead;
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
            'n', item.n, 'problem', problem, 'detail', detail, 'tenant', tenant, 'indexed', by_index,
            'rows', found_rows::json)::text;
    END LOOP;
    readings := json_build_object('now', extract(epoch FROM now_)::text)::text || readings;
    OPEN answers FOR SELECT unnest(readings);
END
$telemetry$;
FETCH ALL FROM telemetry_readings;
