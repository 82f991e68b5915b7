//! Statements of T-SQL as the parser leaves them, and as the engine gets them.
//!
//! A batch is a flat [`Program`]: IF, WHILE, GOTO and TRY are jumps and regions, so nothing nests however the text did.
//! Queries and expressions are sqlparser's trees. Names and paths of BACKUP and RESTORE may still be variables in
//! [`BackupCommand`] and [`RestoreCommand`]; [`BackupStatement`] and [`RestoreStatement`] have them resolved.

mod keys;
mod media;

pub use keys::{CertificateSource, KeyStatement};
pub use media::{
    AlterDatabase, BackupCommand, BackupStatement, BackupWhat, CreateDatabase, DatabaseChange,
    DeviceOperand, FileSpecification, MediaDevice, Medium, OptionOperand, OptionValue,
    RestoreCommand, RestoreStatement, RestoreWhat, Termination, ValueOperand, WithOption,
};

use sqlparser::ast::{Expr, Query, SelectItem, TableFactor, TableWithJoins, With};
use std::sync::Arc;

/// A parsed batch or module body.
#[derive(Clone, Default)]
pub struct Program {
    pub steps: Vec<Step>,
    pub regions: Vec<TryRegion>,
}

/// One step, with the line on which it begins (from 1).
#[derive(Clone)]
pub struct Step {
    pub line: u32,
    pub action: Action,
}

/// What a step does. Targets are positions in [`Program::steps`].
#[derive(Clone)]
pub enum Action {
    Run(Arc<Statement>),
    JumpUnless {
        condition: Arc<Expr>,
        target: usize,
    },
    Jump(usize),
    Return,
    /// `BEGIN`, labels and declarations without a value: nothing to do.
    Nothing,
}

/// A TRY block and its CATCH block, as half-open ranges of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryRegion {
    pub begin: usize,
    pub end: usize,
    pub catch_begin: usize,
    pub catch_end: usize,
}

/// One statement that is not control flow.
pub enum Statement {
    Query(Box<Query>),
    /// `SELECT … INTO`, without the INTO.
    SelectInto {
        table: ObjectPath,
        query: Box<Query>,
    },
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Truncate(ObjectPath),

    Declare(Vec<Declaration>),
    SetVariable {
        name: String,
        value: Expr,
    },
    SetSwitch {
        names: Vec<String>,
        on: bool,
    },
    SetValue {
        name: String,
        value: SettingValue,
    },
    SetIdentityInsert {
        table: ObjectPath,
        on: bool,
    },
    /// As in `dm_exec_sessions`: 1 read uncommitted … 5 snapshot.
    SetIsolation(i16),
    Print(Expr),
    RaiseError(Box<RaiseError>),
    /// `None`: throw the caught error again.
    Throw(Option<Box<(Expr, Expr, Expr)>>),
    WaitFor {
        until: bool,
        value: Expr,
    },
    Use(String),
    Execute(Box<Execute>),
    Kill(Operand),
    Checkpoint,
    Reconfigure,

    BeginTransaction {
        name: Option<Operand>,
        /// `WITH MARK`, with the description.
        mark: Option<Option<Operand>>,
    },
    Commit,
    Rollback {
        name: Option<Operand>,
    },
    Save {
        name: Operand,
    },

    OpenCursor(String),
    Fetch {
        cursor: String,
        direction: FetchDirection,
        into: Vec<String>,
    },
    CloseCursor(String),
    DeallocateCursor(String),

    CreateTable(TableDefinition),
    AlterTable {
        table: ObjectPath,
        change: TableChange,
    },
    DropTable {
        tables: Vec<ObjectPath>,
        if_exists: bool,
    },
    CreateIndex {
        table: ObjectPath,
        index: IndexDefinition,
    },
    DropIndex {
        table: ObjectPath,
        name: String,
        if_exists: bool,
    },
    CreateSchema(String),
    DropSchema {
        name: String,
        if_exists: bool,
    },

    CreateDatabase(CreateDatabase),
    DropDatabase {
        names: Vec<String>,
        if_exists: bool,
    },
    AlterDatabase(AlterDatabase),
    Backup(BackupCommand),
    Restore(RestoreCommand),
    Keys(KeyStatement),
    Dbcc {
        command: String,
        arguments: Vec<Operand>,
        options: Vec<String>,
    },
}

/// `database.schema.name`; table variables and temp tables have only a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPath {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: String,
}

impl ObjectPath {
    /// The schema, `dbo` when none was written.
    pub fn schema_or_dbo(&self) -> &str {
        self.schema.as_deref().unwrap_or("dbo")
    }

    /// As a message names it: the parts that were written.
    pub fn written(&self) -> String {
        let mut text = String::new();
        if let Some(database) = &self.database {
            text.push_str(database);
            text.push('.');
        }
        if let Some(schema) = &self.schema {
            text.push_str(schema);
        }
        if self.database.is_some() || self.schema.is_some() {
            text.push('.');
        }
        text.push_str(&self.name);
        text
    }

    /// `#t` or `@t`.
    pub fn is_temporary(&self) -> bool {
        self.name.starts_with('#') || self.name.starts_with('@')
    }
}

/// A type as written: `numeric(25, 0)`, `nvarchar(max)`, `sysname`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    pub name: String,
    pub arguments: Vec<String>,
}

/// A literal or a variable, where T-SQL allows no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An identifier or a bare word.
    Word(String),
    Text(String),
    Number(i64),
    /// With `@`.
    Variable(String),
}

/// One variable of a DECLARE.
pub struct Declaration {
    /// With `@`; cursors have none.
    pub name: String,
    pub kind: DeclarationKind,
}

/// What is declared.
pub enum DeclarationKind {
    Scalar {
        ty: TypeName,
        initial: Option<Box<Expr>>,
    },
    Table(TableDefinition),
    Cursor(Box<Query>),
    CursorVariable,
}

/// The value of a SET option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    Operand(Operand),
    Binary(Vec<u8>),
}

/// RAISERROR.
pub struct RaiseError {
    pub message: Expr,
    pub severity: Expr,
    pub state: Expr,
    pub arguments: Vec<Expr>,
    /// `LOG`, `NOWAIT`, `SETERROR`.
    pub options: Vec<String>,
}

/// EXECUTE.
pub struct Execute {
    /// The variable that takes the return status.
    pub result: Option<String>,
    pub target: ExecuteTarget,
    pub arguments: Vec<Argument>,
}

/// What is executed.
pub enum ExecuteTarget {
    Procedure(ObjectPath),
    /// The variable holds the procedure's name.
    Variable(String),
    Text(Box<Expr>),
}

/// One argument of a procedure call.
pub struct Argument {
    /// With `@`.
    pub name: Option<String>,
    pub value: ArgumentValue,
    pub output: bool,
}

/// The value of an argument.
pub enum ArgumentValue {
    Expression(Box<Expr>),
    Default,
}

/// Which row a FETCH takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchDirection {
    Next,
    Prior,
    First,
    Last,
    Absolute(Operand),
    Relative(Operand),
}

/// INSERT.
pub struct Insert {
    pub with: Option<With>,
    pub top: Option<Top>,
    pub table: ObjectPath,
    pub columns: Vec<String>,
    pub output: Option<Output>,
    pub source: InsertSource,
}

/// Where the rows of an INSERT come from.
pub enum InsertSource {
    /// `None` is `DEFAULT`.
    Values(Vec<Vec<Option<Expr>>>),
    Query(Box<Query>),
    Execute(Box<Execute>),
    DefaultValues,
}

/// `TOP (n) [PERCENT]` of a data change.
pub struct Top {
    pub quantity: Expr,
    pub percent: bool,
}

/// `OUTPUT … [INTO t (columns)]`.
pub struct Output {
    pub items: Vec<SelectItem>,
    pub into: Option<(ObjectPath, Vec<String>)>,
}

/// UPDATE.
pub struct Update {
    pub with: Option<With>,
    pub top: Option<Top>,
    /// A table or an alias of FROM.
    pub target: ObjectPath,
    pub assignments: Vec<Assignment>,
    pub output: Option<Output>,
    pub from: Vec<TableWithJoins>,
    pub selection: Option<Expr>,
}

/// One assignment of an UPDATE: a column, a variable or both.
pub struct Assignment {
    pub column: Option<String>,
    pub variable: Option<String>,
    /// `None` is `DEFAULT`.
    pub value: Option<Expr>,
}

/// DELETE.
pub struct Delete {
    pub with: Option<With>,
    pub top: Option<Top>,
    pub target: ObjectPath,
    pub output: Option<Output>,
    pub from: Vec<TableWithJoins>,
    pub selection: Option<Expr>,
}

/// MERGE.
pub struct Merge {
    pub with: Option<With>,
    pub top: Option<Top>,
    pub target: ObjectPath,
    pub alias: Option<String>,
    pub source: TableFactor,
    pub on: Expr,
    pub clauses: Vec<MergeClause>,
    pub output: Option<Output>,
}

/// One WHEN of a MERGE.
pub struct MergeClause {
    pub matching: Matching,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

/// Which rows a WHEN takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    Matched,
    NotMatchedByTarget,
    NotMatchedBySource,
}

/// What a WHEN does.
pub enum MergeAction {
    Update(Vec<Assignment>),
    Delete,
    Insert {
        columns: Vec<String>,
        values: Vec<Option<Expr>>,
    },
}

/// CREATE TABLE, and `DECLARE @t TABLE`.
pub struct TableDefinition {
    pub path: ObjectPath,
    pub columns: Vec<ColumnDefinition>,
    pub constraints: Vec<ConstraintDefinition>,
    pub indexes: Vec<IndexDefinition>,
}

/// A column of CREATE TABLE.
pub struct ColumnDefinition {
    pub name: String,
    /// Absent for computed columns.
    pub ty: Option<TypeName>,
    /// `NULL` or `NOT NULL` when written.
    pub nullable: Option<bool>,
    pub identity: Option<(i64, i64)>,
    /// Constraint name, and the expression as T-SQL.
    pub default: Option<(Option<String>, String)>,
    /// The expression as T-SQL.
    pub computed: Option<String>,
}

/// A constraint; those written at a column name that column.
pub struct ConstraintDefinition {
    pub name: Option<String>,
    pub kind: ConstraintKind,
}

/// What a constraint demands.
pub enum ConstraintKind {
    Key {
        primary: bool,
        clustered: Option<bool>,
        columns: Vec<KeyColumn>,
    },
    ForeignKey {
        columns: Vec<String>,
        table: ObjectPath,
        referenced: Vec<String>,
        on_delete: Referential,
        on_update: Referential,
    },
    /// The condition as T-SQL.
    Check(String),
    /// `DEFAULT expression FOR column` of ALTER TABLE.
    Default { column: String, definition: String },
}

/// What happens to rows that refer to a row that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referential {
    NoAction,
    Cascade,
    SetNull,
    SetDefault,
}

/// A column of a key or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    pub name: String,
    pub descending: bool,
}

/// CREATE INDEX, and INDEX inside CREATE TABLE.
pub struct IndexDefinition {
    pub name: String,
    pub unique: bool,
    pub clustered: bool,
    pub columns: Vec<KeyColumn>,
}

/// ALTER TABLE.
pub enum TableChange {
    Add {
        columns: Vec<ColumnDefinition>,
        constraints: Vec<ConstraintDefinition>,
    },
    DropColumns {
        names: Vec<String>,
        if_exists: bool,
    },
    DropConstraints {
        names: Vec<String>,
        if_exists: bool,
    },
    AlterColumn {
        name: String,
        ty: TypeName,
        nullable: Option<bool>,
    },
    /// `CHECK | NOCHECK CONSTRAINT …` and trigger switches: accepted, nothing to keep.
    Nothing,
}
