package org.trestle.expansion.builder;

import java.util.Locale;
import java.util.Map;
import org.apache.beam.sdk.expansion.ExternalTransformRegistrar;
import org.apache.beam.sdk.extensions.sql.SqlTransform;
import org.apache.beam.sdk.transforms.ExternalTransformBuilder;
import org.apache.beam.sdk.transforms.PTransform;
import org.apache.beam.sdk.values.PCollection;
import org.apache.beam.sdk.values.PInput;
import org.apache.beam.sdk.values.Row;
import org.jspecify.annotations.Nullable;

/** Registers Beam SQL. */
public final class SqlRegistrar implements ExternalTransformRegistrar {
  static final String URN = "beam:external:java:sql:v1";

  @Override
  public Map<String, ExternalTransformBuilder<?, ?, ?>> knownBuilderInstances() {
    return Map.of(URN, new Builder());
  }

  /** What a query is configured with; Beam calls the setters by the names of the fields. */
  public static final class Configuration {
    private @Nullable String query;
    private @Nullable String dialect;
    private @Nullable String ddl;

    public void setQuery(String query) {
      this.query = query;
    }

    public void setDialect(@Nullable String dialect) {
      this.dialect = dialect;
    }

    public void setDdl(@Nullable String ddl) {
      this.ddl = ddl;
    }
  }

  /** Builds a query over the inputs. */
  public static final class Builder
      implements ExternalTransformBuilder<Configuration, PInput, PCollection<Row>> {
    @Override
    public PTransform<PInput, PCollection<Row>> buildExternal(Configuration configuration) {
      String query = configuration.query;
      if (query == null || query.isBlank()) {
        throw new IllegalArgumentException("field 'query': the SQL query is missing");
      }
      String dialect = configuration.dialect;
      if (dialect != null
          && !dialect.isEmpty()
          && !dialect.toLowerCase(Locale.ROOT).equals("calcite")) {
        throw new IllegalArgumentException(
            "field 'dialect': there is no SQL dialect '" + dialect + "', only 'calcite'");
      }
      SqlTransform transform = SqlTransform.query(query);
      String ddl = configuration.ddl;
      return ddl == null || ddl.isEmpty() ? transform : transform.withDdlString(ddl);
    }
  }
}
